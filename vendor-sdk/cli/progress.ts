import type { SyncProgress } from "../sync-report.ts";

/** Where progress is shown: a terminal, or whatever keeps lines. */
export interface Shown {
  readonly isTTY?: boolean | undefined;
  write(text: string): unknown;
}

/** How often a line is drawn anew in a terminal, and how often one is written elsewhere. Milliseconds. */
const DRAWN = 100;
const WRITTEN = 10_000;

/** Shows how far a sync has come: one line that is drawn over in a terminal, a line now and then elsewhere. Never on the standard output. */
export function progressOn(out: Shown): { tell(progress: SyncProgress): void; end(): void } {
  let last: number | undefined;
  let drawn = false;
  return {
    tell(progress) {
      const every = out.isTTY ? DRAWN : WRITTEN;
      if (progress.ms - (last ?? (out.isTTY ? -DRAWN : 0)) < every) return;
      last = progress.ms;
      out.write(out.isTTY ? `\r\x1b[K${wordsOf(progress)}` : `${wordsOf(progress)}\n`);
      drawn = true;
    },
    end() {
      if (out.isTTY && drawn) out.write("\r\x1b[K");
    },
  };
}

/** As `1200 of 10000 grants, 9600 records, 4800 a second, 14 s left`. */
export function wordsOf({ done, remaining, records, ms }: SyncProgress): string {
  const seconds = ms / 1000;
  const rate = seconds > 0 ? Math.round(records / seconds) : 0;
  const left = done > 0 && remaining > 0 ? [`${timeOf((seconds / done) * remaining)} left`] : [];
  return [`${done} of ${done + remaining} grants`, `${records} records`, `${rate} a second`, ...left].join(", ");
}

const timeOf = (seconds: number): string =>
  seconds < 90 ? `${Math.ceil(seconds)} s` : seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
