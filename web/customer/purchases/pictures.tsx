/** How much of the longest bar, in percent. Of sums too long for a number only the ratio is one. */
const share = (part: bigint, most: bigint): number => (most === 0n ? 0 : Number((part * 10_000n) / most) / 100);

interface Bar {
  readonly label: string;
  readonly sum: bigint;
}

const most = (bars: readonly Bar[]): bigint => bars.reduce((top, { sum }) => (sum > top ? sum : top), 0n);

const FLOOR = 136;

/** Standing bars with a letter or two under each: the year's months. The table after it says the same. */
export function Columns({ bars, title }: { bars: readonly Bar[]; title: string }) {
  const top = most(bars);
  const width = 100 / bars.length;
  return (
    <svg class="columns" role="img" aria-label={title}>
      <title>{title}</title>
      {bars.map(({ label, sum }, at) => (
        <g key={at}>
          <rect
            x={`${at * width + width * 0.15}%`}
            width={`${width * 0.7}%`}
            y={FLOOR - (share(sum, top) / 100) * (FLOOR - 4)}
            height={(share(sum, top) / 100) * (FLOOR - 4)}
          />
          <text x={`${(at + 0.5) * width}%`} y={FLOOR + 17}>
            {label}
          </text>
        </g>
      ))}
      <line x1="0" x2="100%" y1={FLOOR} y2={FLOOR} />
    </svg>
  );
}

const ROW = 40;

/** Lying bars, each under its name. The table after it says the same. */
export function Bars({ bars, title }: { bars: readonly Bar[]; title: string }) {
  const top = most(bars);
  return (
    <svg class="bars" role="img" aria-label={title} height={bars.length * ROW}>
      <title>{title}</title>
      {bars.map(({ label, sum }, at) => (
        <g key={at}>
          <text x="0" y={at * ROW + 16}>
            {label}
          </text>
          <rect x="0" y={at * ROW + 22} width={`${Math.max(0.5, share(sum, top))}%`} height="12" />
        </g>
      ))}
    </svg>
  );
}
