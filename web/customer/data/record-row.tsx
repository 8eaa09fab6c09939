import type { ComponentChildren } from "preact";
import { useMemo, useRef } from "preact/hooks";
import type { Import } from "#protocol/data/private.ts";
import { words } from "../../locales/words.ts";
import { day } from "../../parts/dates.ts";
import type { RecordView } from "../../vault/vault.ts";
import { valueParts, valueText } from "../values.ts";
import { useVault } from "../vault-context.ts";
import { Readers } from "./readers.tsx";

interface Props {
  record: RecordView;
  /** What brought it (importOf). */
  from?: Import | null | undefined;
  onEdit?: ((record: RecordView) => void) | undefined;
  onRemove?: ((record: RecordView) => void) | undefined;
  /** Further actions, before the usual ones. */
  children?: ComponentChildren;
}

/** A record with who can read it, in which form, until when, and where it came from. Drawn anew only when its own view is replaced. */
export function RecordRow(props: Props) {
  const { record, from, children } = props;
  const online = useVault().online.value;
  const t = words();
  const latest = useRef(props);
  latest.current = props;
  const { onEdit, onRemove } = props;
  return useMemo(() => {
    const text = valueText(record.value);
    return (
      <>
        <Value value={record.value} />
        <Readers of={record} />
        {from !== undefined && <p class="note">{from === null ? t.data.sourceGone : t.data.source(from.file, day(t.tag, from.at))}</p>}
        <div class="choices">
          {children}
          {onEdit && (
            <button
              type="button"
              class="text-btn"
              data-edit
              aria-label={t.data.editName(text)}
              onClick={() => latest.current.onEdit?.(record)}
            >
              {t.data.edit}
            </button>
          )}
          {onRemove && (
            <button
              type="button"
              class="text-btn stop"
              aria-disabled={!online || undefined}
              aria-label={online ? t.data.removeName(text) : undefined}
              onClick={() => online && latest.current.onRemove?.(record)}
            >
              {online ? t.data.remove : t.data.removeOffline}
            </button>
          )}
        </div>
      </>
    );
  }, [record, from, children, online, t, onEdit === undefined, onRemove === undefined]);
}

/** What is bought or wanted stands above its details; rules stand below each other. */
export function Value({ value }: { value: unknown }) {
  const [head = "", ...rest] = valueParts(value);
  if (isOf(value, "channels"))
    return (
      <ul class="value">
        {[head, ...rest].map((each) => (
          <li key={each}>{each}</li>
        ))}
      </ul>
    );
  if (!isOf(value, "item"))
    return (
      <p class="value" dir="auto">
        {valueText(value)}
      </p>
    );
  return (
    <>
      <p class="value" dir="auto">
        {head}
      </p>
      <p class="note">{rest.join(" · ")}</p>
    </>
  );
}
const isOf = (value: unknown, member: string): boolean => typeof value === "object" && value !== null && member in value;
