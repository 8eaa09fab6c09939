import { type ReadonlySignal, signal } from "@preact/signals";

const IDLE = 10 * 60_000;
const HIDDEN = 5 * 60_000;
const SIGNS = ["pointerdown", "keydown", "wheel", "touchstart"] as const;

export interface AutoLock {
  /** Epoch milliseconds; undefined while there is nothing to lock. */
  readonly locksAt: ReadonlySignal<number | undefined>;
  start(): void;
  stop(): void;
}

/** Locks after ten minutes without a sign of its person, or five out of sight. A sleeping computer's timers are late, so the clock decides. */
export function autoLock(lock: () => void): AutoLock {
  const locksAt = signal<number | undefined>(undefined);
  let hiddenSince: number | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const isOver = (now: number): boolean =>
    now >= (locksAt.peek() ?? Number.POSITIVE_INFINITY) || (hiddenSince !== undefined && now >= hiddenSince + HIDDEN);
  const wait = (): void => {
    clearTimeout(timer);
    const at = Math.min(locksAt.peek() ?? 0, hiddenSince === undefined ? Number.POSITIVE_INFINITY : hiddenSince + HIDDEN);
    timer = setTimeout(check, Math.max(0, at - Date.now()) + 50);
  };
  const check = (): void => {
    if (isOver(Date.now())) lock();
    else wait();
  };
  const live = (): void => {
    const now = Date.now();
    // Once a second is often enough for a sign that comes with every key.
    if (isOver(now)) lock();
    else if (now + IDLE - (locksAt.peek() ?? 0) > 1000) locksAt.value = now + IDLE;
  };
  const look = (): void => {
    const over = isOver(Date.now());
    hiddenSince = document.visibilityState === "hidden" ? (hiddenSince ?? Date.now()) : undefined;
    if (over) lock();
    else wait();
  };
  const hide = (): void => {
    hiddenSince ??= Date.now();
    wait();
  };
  return {
    locksAt,
    start() {
      locksAt.value = Date.now() + IDLE;
      for (const sign of SIGNS) addEventListener(sign, live, { passive: true, capture: true });
      document.addEventListener("visibilitychange", look);
      addEventListener("pagehide", hide);
      addEventListener("pageshow", look);
      look();
    },
    stop() {
      clearTimeout(timer);
      locksAt.value = undefined;
      hiddenSince = undefined;
      for (const sign of SIGNS) removeEventListener(sign, live, { capture: true });
      document.removeEventListener("visibilitychange", look);
      removeEventListener("pagehide", hide);
      removeEventListener("pageshow", look);
    },
  };
}
