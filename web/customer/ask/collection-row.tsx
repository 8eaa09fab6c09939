import { useId } from "preact/hooks";
import type { Filter } from "#protocol/authorization-details.ts";
import type { Recipient } from "#protocol/data/purchases.ts";
import { words } from "../../locales/words.ts";
import type { SharedValue } from "../../vault/vault.ts";
import type { FilterChoice } from "./collection.ts";
import { FilterFields } from "./filter-fields.tsx";
import { pathOf } from "./granted.ts";
import { type Diff, Forms, type RowChoice, Tag } from "./item-row.tsx";
import type { Row } from "./items.ts";
import { Leaving } from "./leaving.tsx";

interface Props {
  title: string;
  row: Row;
  choice: RowChoice;
  necessity: "required" | "optional";
  diff: Diff;
  /** How many there are in the store. */
  count: number;
  onChoice: (choice: RowChoice) => void;
  asked: Filter | undefined;
  which: FilterChoice;
  /** What to choose from; undefined where another collection of the same object has asked which. */
  offer:
    | {
        readonly categories: readonly { readonly category: string; readonly count: number }[];
        readonly sinces: readonly string[];
        readonly recipients: readonly Recipient[];
      }
    | undefined;
  onWhich: (which: FilterChoice) => void;
  /** What would leave; undefined while it is looked up. */
  leaves: readonly SharedValue[] | undefined;
  /** One reading: nothing follows. */
  once: boolean;
}

/** One box for a whole collection (C3). Ticking it asks how much of it and which ones, and shows what leaves. */
export function CollectionRow(props: Props) {
  const { row, choice, offer } = props;
  const { ask: t } = words();
  const id = useId();
  return (
    <li class="item">
      <label class="row">
        <input
          type="checkbox"
          data-kind={row.kind.path}
          checked={choice.ticked}
          onChange={(event) => props.onChoice({ ...choice, ticked: event.currentTarget.checked })}
        />
        <span>
          <strong>{props.title}</strong> <span class="opt">{props.necessity === "required" ? t.needed : t.optional}</span>{" "}
          <Tag row={row} diff={props.diff} />
          <span class="sub">{t.inStore(props.count)}</span>
        </span>
      </label>
      {choice.ticked && (
        <div class="indent">
          <Forms id={id} row={row} choice={choice} diff={props.diff} onChoice={props.onChoice} />
          {offer && <FilterFields asked={props.asked} choice={props.which} {...offer} onChange={props.onWhich} />}
          <Leaving path={pathOf({ row, form: choice.form })} values={props.leaves} stored={props.count} once={props.once} />
        </div>
      )}
    </li>
  );
}
