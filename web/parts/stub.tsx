import type { ComponentChildren } from "preact";
import { Rosette } from "./rosette.tsx";

export const serial = (number: number): string => String(number).padStart(4, "0");

/**
 * The counterfoil: what is mine left of the perforation, what is theirs right of it. `stamp` is the word over an ended one;
 * `fresh` lets the ticket part slide into place once.
 */
export function Stub(props: {
  number?: number | undefined;
  mark?: Uint8Array | undefined;
  stamp?: { text: string; quiet: boolean } | undefined;
  fresh?: boolean;
  actions?: ComponentChildren;
  children: ComponentChildren;
}) {
  const { number, mark, stamp } = props;
  return (
    <div class={["stub", stamp && "over", props.fresh && "fresh"].filter(Boolean).join(" ")}>
      <div class="mine">
        {number !== undefined && <span class="no">№ {serial(number)}</span>}
        {mark && <Rosette bytes={mark} />}
      </div>
      <div class="theirs">
        {props.children}
        {stamp && <p class={stamp.quiet ? "stamp quiet" : "stamp"}>{stamp.text}</p>}
        {props.actions && <div class="stub-actions">{props.actions}</div>}
      </div>
    </div>
  );
}
