import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { useLocation } from "preact-iso/router";
import { words } from "../../locales/words.ts";
import { Question } from "../question.tsx";

/** What a place in the history is marked with that only stands in the way of Back. */
const isGuard = (): boolean => (history.state as { stay?: unknown } | null)?.stay === true;

/** Asks before a click, the way back or a closed tab loses what is shown only once. */
export function Stay() {
  const t = words().takeOut;
  const { route } = useLocation();
  /** Where to; null: back. */
  const leaving = useSignal<string | null | undefined>(undefined);
  const going = useRef(false);
  useEffect(() => {
    const onUnload = (event: BeforeUnloadEvent): void => event.preventDefault();
    const onClick = (event: MouseEvent): void => {
      const link = event.target instanceof Element ? event.target.closest("a[href]") : null;
      const to = link?.getAttribute("href");
      if (to == null || to.startsWith("#") || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      event.stopPropagation();
      leaving.value = to;
    };
    const guard = (): void => history.pushState({ stay: true }, "");
    const onBack = (): void => {
      if (going.current || isGuard()) return;
      guard();
      leaving.value = null;
    };
    guard();
    addEventListener("popstate", onBack);
    addEventListener("beforeunload", onUnload);
    // Before the router, which listens at the window too.
    addEventListener("click", onClick, { capture: true });
    return () => {
      removeEventListener("popstate", onBack);
      removeEventListener("beforeunload", onUnload);
      removeEventListener("click", onClick, { capture: true });
      // Still on this page: the guard goes, or Back would have to be pressed twice.
      if (isGuard()) history.back();
    };
  }, []);
  const to = leaving.value;
  if (to === undefined) return null;
  return (
    <Question
      title={t.leave}
      text={t.leaveText}
      keep={t.stay}
      yes={t.leaveYes}
      error={undefined}
      onYes={() => {
        going.current = true;
        if (to === null) history.go(-2);
        else route(to);
      }}
      onClose={() => {
        leaving.value = undefined;
      }}
    />
  );
}
