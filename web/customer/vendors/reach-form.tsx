import { useSignal } from "@preact/signals";
import { useEffect, useId, useRef } from "preact/hooks";
import type { Contact } from "#protocol/data/contact.ts";
import type { VendorCard } from "#protocol/data/private.ts";
import { words } from "../../locales/words.ts";
import type { Draft, FieldErrors } from "../../parts/draft.ts";
import { focusFault } from "../../parts/focus-fault.ts";
import { tornFields } from "../../parts/torn-fields.ts";
import type { StoreView, VendorView } from "../../vault/vault.ts";
import { ContactFields, contactDraft, contactOf } from "../data/contact-fields.tsx";
import { trimmed } from "./cards.ts";
import { FormEnd } from "./form-end.tsx";

interface Props {
  store: StoreView;
  vendor: VendorView;
  pending: boolean;
  error: unknown;
  onSave: (card: VendorCard) => void;
  onCancel: () => void;
}

/** This shop's rules over the general ones: a way that isn't answered goes by those. */
export function ReachForm({ store, vendor, pending, error, onSave, onCancel }: Props) {
  const { vendors: t } = words();
  const id = useId();
  const form = useRef<HTMLFormElement>(null);
  const { card } = vendor;
  const draft = useSignal<Draft>(contactDraft(card.contact));
  const errors = useSignal<FieldErrors>({});
  useEffect(() => {
    form.current?.querySelector<HTMLElement>("input:checked, input")?.focus();
  }, []);
  const general = (store.records.find((each) => each.path === "preferences/contact")?.value ?? null) as Contact | null;
  const submit = (event: Event) => {
    event.preventDefault();
    const result = contactOf(draft.value);
    errors.value = { ...("errors" in result ? result.errors : {}), ...tornFields(form.current, id) };
    if ("value" in result && Object.keys(errors.value).length === 0) onSave(trimmed({ ...card, contact: result.value }));
    else focusFault(form.current);
  };
  return (
    <form ref={form} onSubmit={submit} noValidate class="panel">
      <p class="note">{t.reachNote}</p>
      <ContactFields
        id={id}
        draft={draft.value}
        errors={errors.value}
        general={general}
        onChange={(next) => {
          draft.value = next;
          const result = contactOf(next);
          const still = "errors" in result ? result.errors : {};
          errors.value = Object.fromEntries(Object.entries(still).filter(([place]) => place in errors.value));
        }}
      />
      <FormEnd pending={pending} error={error} onCancel={onCancel}>
        {card.contact !== undefined && (
          <button type="button" class="text-btn" onClick={() => onSave(trimmed({ ...card, contact: undefined }))}>
            {t.reachReset}
          </button>
        )}
      </FormEnd>
    </form>
  );
}
