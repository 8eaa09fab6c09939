import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import type { Recipient } from "#protocol/data/purchases.ts";
import { words } from "../../locales/words.ts";
import { Readers } from "../data/readers.tsx";
import { useVault } from "../vault-context.ts";
import type { Bought } from "./bought.ts";
import { Ends, NearEnds } from "./ends.tsx";
import { ForWhom } from "./for-whom.tsx";
import { detailsLine } from "./labels.ts";

interface Props {
  bought: Bought;
  today: string;
  /** Shows the dates that are far off, too. */
  dates: boolean;
  selected: boolean;
  onSelect: (selected: boolean) => void;
  onForWhom: (path: string, recipient: Recipient) => void;
  onEdit: () => void;
  onRemove: () => void;
  /** What has just come of an answer. */
  children?: ComponentChildren;
}

export function PurchaseRow(props: Props) {
  const { bought, today } = props;
  const { value, sharedWith } = bought;
  const { data, purchases: t } = words();
  const open = useSignal(false);
  const online = useVault().online.value;
  return (
    <>
      <div class="bought">
        <label class="tick">
          <input
            type="checkbox"
            aria-label={t.select(value.item)}
            checked={props.selected}
            onChange={(event) => props.onSelect(event.currentTarget.checked)}
          />
        </label>
        <div>
          <p class="value">{value.item}</p>
          <p class="note">{detailsLine(value)}</p>
          <NearEnds value={value} today={today} all={props.dates} />
          {sharedWith.length > 0 && <Readers of={bought} />}
        </div>
        <ForWhom bought={bought} onChange={props.onForWhom} />
        {props.children}
      </div>
      <details
        open={open.value}
        onToggle={(event) => {
          open.value = event.currentTarget.open;
        }}
      >
        <summary aria-label={t.detailsOf(value.item)}>{t.details}</summary>
        {open.value && (
          <>
            {(value.order !== undefined || value.code !== undefined) && (
              <p class="note">
                {[value.order && `${t.orderNumber} ${value.order}`, value.code && `${t.code} ${value.code}`].filter(Boolean).join(" · ")}
              </p>
            )}
            <Ends bought={bought} today={today} />
            {sharedWith.length === 0 && <p class="note">{data.nobody}</p>}
            <div class="choices">
              <button type="button" class="text-btn" aria-label={data.editName(value.item)} onClick={props.onEdit}>
                {data.edit}
              </button>
              <button
                type="button"
                class="text-btn stop"
                aria-disabled={!online || undefined}
                aria-label={online ? data.removeName(value.item) : undefined}
                onClick={() => online && props.onRemove()}
              >
                {online ? data.remove : data.removeOffline}
              </button>
            </div>
          </>
        )}
      </details>
    </>
  );
}
