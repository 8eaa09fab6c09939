import { useSignal } from "@preact/signals";
import type { Recipient } from "#protocol/data/purchases.ts";
import { words } from "../../locales/words.ts";
import { Limited } from "../../parts/limited.tsx";
import type { Bought } from "./bought.ts";
import { ForWhom } from "./for-whom.tsx";
import { categoryWord, detailsLine } from "./labels.ts";
import { LEFT_OUT, type TasteReason } from "./tastes.ts";

const PAGE = 20;

/** One taste with why: the very purchases, to be put right on the spot. */
export function Reason({ reason, onForWhom }: { reason: TasteReason; onForWhom: (path: string, recipient: Recipient) => void }) {
  const { purchases: t } = words();
  const open = useSignal(false);
  const { category, counted } = reason;
  const parts = ["counted", ...LEFT_OUT] as const;
  const why = [
    category === undefined ? counted.length > 0 && t.tastes.without.counted(counted.length) : t.tastes.because(counted.length),
    ...LEFT_OUT.map((part) => reason[part].length > 0 && t.tastes.without[part](reason[part].length)),
  ].filter(Boolean);
  return (
    <li class="item">
      <details
        class="reason"
        onToggle={(event) => {
          open.value = event.currentTarget.open;
        }}
      >
        <summary>
          <strong>{category === undefined ? t.tastes.nowhere : categoryWord(category)}</strong> <span class="note">{why.join("; ")}</span>
        </summary>
        {open.value &&
          parts.map(
            (part) =>
              reason[part].length > 0 && (
                <Part
                  key={part}
                  title={part === "counted" && category === undefined ? t.tastes.nowhereNote : t.tastes.parts[part]}
                  all={reason[part]}
                  onForWhom={onForWhom}
                />
              ),
          )}
      </details>
    </li>
  );
}

function Part({
  title,
  all,
  onForWhom,
}: {
  title: string;
  all: readonly Bought[];
  onForWhom: (path: string, recipient: Recipient) => void;
}) {
  const { purchases: t } = words();
  return (
    <section>
      <h2>{t.counted(title, all.length)}</h2>
      <Limited items={all} first={PAGE} step={PAGE} more={t.more}>
        {(shown) => (
          <ul>
            {shown.map((each) => (
              <li key={each.path} class="bought plain" data-row>
                <div>
                  <p>{each.value.item}</p>
                  <p class="note">{detailsLine(each.value)}</p>
                </div>
                <ForWhom bought={each} onChange={onForWhom} />
              </li>
            ))}
          </ul>
        )}
      </Limited>
    </section>
  );
}
