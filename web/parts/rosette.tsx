import { useMemo } from "preact/hooks";
import { rosetteCurves } from "./rosette-curves.ts";

/** Guilloché of a key. Never the only sign of who someone is, so it has no name of its own. */
export function Rosette({ bytes }: { bytes: Uint8Array }) {
  const curves = useMemo(() => rosetteCurves(bytes), [bytes]);
  return (
    <svg class="rosette" viewBox="0 0 100 100" aria-hidden="true">
      <circle cx="50" cy="50" r="50" />
      {curves.map((curve, at) => (
        <path key={at} d={curve} />
      ))}
    </svg>
  );
}
