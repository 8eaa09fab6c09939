import { useSignal } from "@preact/signals";
import { useEffect, useId, useRef } from "preact/hooks";
import * as v from "valibot";
import { VENDOR_VIEWS, VendorCard } from "#protocol/data/private.ts";
import { words } from "../../locales/words.ts";
import { Entry } from "../../parts/entry.tsx";
import { focusFault } from "../../parts/focus-fault.ts";
import { wordAt } from "../../parts/word-at.ts";
import type { VendorView } from "../../vault/vault.ts";
import { trimmed } from "./cards.ts";
import { FormEnd } from "./form-end.tsx";

interface Props {
  vendor: VendorView;
  pending: boolean;
  error: unknown;
  onSave: (card: VendorCard) => void;
  onCancel: () => void;
}

type Faults = Partial<Record<"customerNumber" | "notes", string>>;

/** How the customer sees the shop, their number there, and notes. */
export function CardForm({ vendor, pending, error, onSave, onCancel }: Props) {
  const { vendors: t, options, field } = words();
  const id = useId();
  const form = useRef<HTMLFormElement>(null);
  const { card } = vendor;
  const view = useSignal(card.view);
  const customerNumber = useSignal(card.customerNumber ?? "");
  const notes = useSignal(card.notes ?? "");
  const faults = useSignal<Faults>({});
  useEffect(() => {
    form.current?.querySelector<HTMLElement>("input:checked, input")?.focus();
  }, []);
  const submit = (event: Event) => {
    event.preventDefault();
    const entered = trimmed({ ...card, view: view.value, customerNumber: customerNumber.value.trim(), notes: notes.value.trim() });
    const result = v.safeParse(VendorCard, entered);
    faults.value = {};
    if (result.success) return onSave(result.output);
    const found: Faults = {};
    for (const issue of result.issues) {
      const name = String(issue.path?.[0]?.key) as keyof Faults;
      found[name] ??= issue.type === "max_length" ? t.tooLong(Number(issue.requirement)) : field.invalid;
    }
    faults.value = found;
    focusFault(form.current);
  };
  return (
    <form ref={form} onSubmit={submit} noValidate>
      <fieldset aria-describedby={`${id}-note`}>
        <legend>{t.view}</legend>
        <p class="note" id={`${id}-note`}>
          {t.viewNote}
        </p>
        {[undefined, ...VENDOR_VIEWS].map((each) => (
          <label class="choice" key={each ?? ""}>
            <input
              type="radio"
              name={`${id}-view`}
              checked={view.value === each}
              onChange={() => {
                view.value = each;
              }}
            />
            <span>
              {each === undefined ? t.notSaid : wordAt(options, `view.${each}`, each)}
              {each !== undefined && <span class="opt">{t.means[each]}</span>}
            </span>
          </label>
        ))}
      </fieldset>
      <Entry id={`${id}-number`} label={t.customerNumber} fault={faults.value.customerNumber} optional>
        {(control) => (
          <input
            type="text"
            autocomplete="off"
            {...control}
            value={customerNumber.value}
            onInput={(event) => {
              customerNumber.value = event.currentTarget.value;
            }}
          />
        )}
      </Entry>
      <Entry id={`${id}-notes`} label={t.notes} hint={t.cardNote} fault={faults.value.notes} optional>
        {(control) => (
          <textarea
            dir="auto"
            {...control}
            value={notes.value}
            onInput={(event) => {
              notes.value = event.currentTarget.value;
            }}
          />
        )}
      </Entry>
      <FormEnd pending={pending} error={error} onCancel={onCancel} />
    </form>
  );
}
