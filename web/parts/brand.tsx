import { words } from "../locales/words.ts";

export function Brand({ href }: { href?: string }) {
  const mark = (
    <>
      <svg viewBox="0 0 28 28" aria-hidden="true">
        <rect class="b0" width="28" height="28" rx="5" />
        <path class="b1" d="M5 8h18v12H5z" />
        <path class="b2" d="M12.5 8v12" />
      </svg>
      {words().brand}
    </>
  );
  return href === undefined ? (
    <span class="brand">{mark}</span>
  ) : (
    <a class="brand" href={href}>
      {mark}
    </a>
  );
}
