/** Says how far something large has come. */
export interface Progress {
  /** `total`: stores. */
  begin(total: number): void;
  /** How many stores are done, and the bytes read or written so far. */
  step(done: number, bytes: number): void;
  end(): void;
}

export const noProgress: Progress = { begin: () => {}, step: () => {}, end: () => {} };

interface Screen {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

const OFTEN = 100;
const SELDOM = 10_000;
const BAR = 24;

/** A bar that moves on a terminal; a plain line now and then elsewhere. */
export function shownProgress(what: string, screen: Screen, now: () => number = Date.now): Progress {
  const isBar = screen.isTTY === true;
  let total = 0;
  let began = now();
  let said = began;
  let first: number | undefined;
  const line = (done: number, bytes: number): string => {
    const share = total === 0 ? 1 : Math.min(1, done / total);
    const gone = done - (first ?? 0);
    const left = gone > 0 && done < total ? ((now() - began) / gone) * (total - done) : 0;
    const bar = isBar ? ` [${"=".repeat(Math.round(share * BAR)).padEnd(BAR)}]` : ":";
    return `${what}${bar} ${done}/${total} stores, ${sizeOf(bytes)}${left > 0 ? `, ${timeOf(left)} left` : ""}`;
  };
  let last = [0, 0] as [number, number];
  const show = (): void => {
    const text = line(...last);
    screen.write(isBar ? `\r${text.slice(0, (screen.columns ?? 80) - 1)}\u001b[K` : `${text}\n`);
  };
  return {
    begin(stores) {
      total = stores;
      began = now();
      said = began;
      first = undefined;
    },
    step(done, bytes) {
      first ??= Math.max(0, done - 1);
      last = [done, bytes];
      if (now() - said < (isBar ? OFTEN : SELDOM)) return;
      said = now();
      show();
    },
    end() {
      show();
      if (isBar) screen.write("\n");
    },
  };
}

export function sizeOf(bytes: number): string {
  if (bytes < 1000) return `${bytes} bytes`;
  const units = ["kB", "MB", "GB", "TB"];
  const at = Math.min(units.length, Math.floor(Math.log10(bytes) / 3));
  return `${(bytes / 1000 ** at).toFixed(1)} ${units[at - 1]}`;
}

function timeOf(milliseconds: number): string {
  const seconds = Math.ceil(milliseconds / 1000);
  if (seconds < 60) return `${seconds} s`;
  return seconds < 3600 ? `${Math.ceil(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}
