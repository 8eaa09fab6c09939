import { useSignal } from "@preact/signals";
import { PRODUCT_CATEGORIES, type ProductCategory } from "#protocol/data/product-category.ts";
import type { Recipient } from "#protocol/data/purchases.ts";
import { words } from "../../locales/words.ts";
import { useAction } from "../../parts/action.ts";
import { ErrorState } from "../../parts/error-state.tsx";
import { say } from "../../parts/status.tsx";
import { UndoLine } from "../../parts/undo-line.tsx";
import { type Edit, VaultError } from "../../vault/vault.ts";
import { useVault } from "../vault-context.ts";
import { type Bought, FOR_WHOM, withCategory, withRecipient } from "./bought.ts";
import { decisionsOf } from "./decisions.ts";
import { categoryWord, recipientWord } from "./labels.ts";
import { Choice } from "./search-fields.tsx";

const NONE = "none";

/** One answer for all that is selected. */
export function Bulk({ selected, onClear }: { selected: readonly Bought[]; onClear: () => void }) {
  const vault = useVault();
  const { purchases: t } = words();
  const recipient = useSignal<Recipient | "">("");
  const category = useSignal("");
  const progress = useSignal<{ done: number; total: number } | undefined>(undefined);
  const changed = useSignal<readonly Edit[]>([]);
  const some = useSignal("");
  const save = async (edits: readonly Edit[]) => {
    some.value = "";
    progress.value = { done: 0, total: edits.length };
    // What was decided one by one before would come after it.
    decisionsOf(vault).forget(edits.map(({ path }) => path));
    try {
      const onProgress = (next: { done: number; total: number }) => {
        progress.value = next;
      };
      await vault.saveAll({ edits }, { onProgress });
    } catch (thrown) {
      if (thrown instanceof VaultError && thrown.done > 0) some.value = t.changedSome(thrown.done, edits.length);
      throw thrown;
    } finally {
      progress.value = undefined;
    }
  };
  const change = useAction(async (edits: readonly Edit[], before: readonly Edit[]) => {
    changed.value = [];
    await save(edits);
    changed.value = before;
    onClear();
  });
  const undo = useAction(async () => {
    await save(changed.value);
    changed.value = [];
    say(t.undone);
  });
  const set = (edit: (each: Bought) => Edit) => {
    if (selected.length > 0)
      change.run(
        selected.map(edit),
        selected.map(({ path, value }) => ({ path, value })),
      );
  };
  const at = progress.value;
  return (
    <>
      {selected.length > 0 && (
        <fieldset class="bulk panel">
          <legend class="vh">{t.bulk}</legend>
          <p>
            <strong>{t.selected(selected.length)}</strong>{" "}
            <button type="button" class="text-btn" onClick={onClear}>
              {t.clearSelected}
            </button>
          </p>
          <div class="filters">
            <Choice
              name={t.forWhom}
              none={words().field.choose}
              value={recipient.value}
              onChange={(next) => {
                recipient.value = next as Recipient | "";
              }}
            >
              {FOR_WHOM.map((each) => (
                <option key={each} value={each}>
                  {recipientWord(each)}
                </option>
              ))}
            </Choice>
            <button
              type="button"
              class="btn"
              onClick={() => recipient.value !== "" && set((each) => withRecipient(each, recipient.value as Recipient))}
            >
              {t.setFor}
            </button>
            <Choice
              name={t.category}
              none={words().field.choose}
              value={category.value}
              onChange={(next) => {
                category.value = next;
              }}
            >
              {PRODUCT_CATEGORIES.map((each) => (
                <option key={each} value={each}>
                  {categoryWord(each)}
                </option>
              ))}
              <option value={NONE}>{t.noCategory}</option>
            </Choice>
            <button
              type="button"
              class="btn"
              onClick={() =>
                category.value !== "" &&
                set((each) => withCategory(each, category.value === NONE ? undefined : (category.value as ProductCategory)))
              }
            >
              {t.setCategory}
            </button>
          </div>
        </fieldset>
      )}
      <div role="status">
        {at && (
          <p>
            {t.changing(at.done, at.total)} <progress value={at.done} max={at.total} aria-label={t.changing(at.done, at.total)} />
          </p>
        )}
      </div>
      {changed.value.length > 0 && !at && <UndoLine text={t.changed(changed.value.length)} undo={t.undo} onUndo={undo.run} />}
      <ErrorState error={change.error.value ?? undo.error.value} safe={some.value || undefined} />
    </>
  );
}
