import { useEffect, useRef } from "preact/hooks";

/** How long the two actions do nothing after the page came into view: a click meant for what was there before goes nowhere. */
const INERT = 600;

/** Tells whether a click counts: not within 600 ms of the page being shown or focused. */
export function useSettled(): () => boolean {
  const since = useRef(performance.now());
  useEffect(() => {
    const again = () => {
      since.current = performance.now();
    };
    again();
    document.addEventListener("visibilitychange", again);
    addEventListener("focus", again);
    addEventListener("pageshow", again);
    return () => {
      document.removeEventListener("visibilitychange", again);
      removeEventListener("focus", again);
      removeEventListener("pageshow", again);
    };
  }, []);
  return () => document.visibilityState === "visible" && performance.now() - since.current >= INERT;
}
