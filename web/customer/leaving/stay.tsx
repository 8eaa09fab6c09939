import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { useLocation } from "preact-iso/router";
import { words } from "../../locales/words.ts";
import { Question } from "../question.tsx";

/** Asks before a click or a closed tab loses what is shown only once. */
export function Stay() {
  const t = words().takeOut;
  const { route } = useLocation();
  const leaving = useSignal<string | undefined>(undefined);
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
    addEventListener("beforeunload", onUnload);
    // Before the router, which listens at the window too.
    addEventListener("click", onClick, { capture: true });
    return () => {
      removeEventListener("beforeunload", onUnload);
      removeEventListener("click", onClick, { capture: true });
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
      onYes={() => route(to)}
      onClose={() => {
        leaving.value = undefined;
      }}
    />
  );
}
