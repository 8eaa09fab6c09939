/** A consent as a line: passed part thick, readings as circles, changes as short ticks, now as a long one, the end as a knot, under which it is labelled. A table says the same after it. */
export function Thread(props: {
  from: number;
  to: number;
  now: number;
  ended: boolean;
  reads: readonly number[];
  changes: readonly number[];
  label: string;
}) {
  const { from, to } = props;
  const at = (time: number): string => `${(3 + 94 * Math.min(1, Math.max(0, (time - from) / Math.max(1, to - from)))).toFixed(2)}%`;
  const until = at(props.ended ? to : props.now);
  return (
    <svg class="thread" role="img" aria-label={props.label}>
      <line class="t-all" x1={at(from)} x2={at(to)} y1="32" y2="32" />
      <line class="t-done" x1={at(from)} x2={until} y1="32" y2="32" />
      {props.changes.map((change, index) => (
        <line key={index} class="t-change" x1={at(change)} x2={at(change)} y1="20" y2="44" />
      ))}
      {props.reads.map((read, index) => (
        <circle key={index} class="t-read" cx={at(read)} cy="32" r="7" />
      ))}
      {!props.ended && <line class="t-now" x1={until} x2={until} y1="10" y2="54" />}
      <circle class="t-end" cx={at(to)} cy="32" r="6" />
    </svg>
  );
}
