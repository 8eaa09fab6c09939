import { useLayoutEffect, useRef } from "preact/hooks";
import { words } from "../locales/words.ts";

let arrived = false;

/** The page's h1: names the window, and takes the focus after every navigation but the first, which the browser announces itself. */
export function Heading({ children }: { children: string }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useLayoutEffect(() => {
    if (arrived) heading.current?.focus({ preventScroll: true });
    arrived = true;
  }, []);
  useLayoutEffect(() => {
    document.title = `${children} · ${words().brand}`;
  }, [children]);
  return (
    <h1 ref={heading} tabIndex={-1}>
      {children}
    </h1>
  );
}
