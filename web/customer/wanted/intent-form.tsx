import { useSignal } from "@preact/signals";
import { useEffect, useId, useRef } from "preact/hooks";
import type { Intent } from "#protocol/data/intents.ts";
import { PRODUCT_CATEGORIES } from "#protocol/data/product-category.ts";
import { RECIPIENTS } from "#protocol/data/purchases.ts";
import { words } from "../../locales/words.ts";
import { useAction } from "../../parts/action.ts";
import { usualCurrency } from "../../parts/currencies.ts";
import { fieldDay } from "../../parts/dates.ts";
import { Entry } from "../../parts/entry.tsx";
import { codeOf, ErrorState } from "../../parts/error-state.tsx";
import { focusFault } from "../../parts/focus-fault.ts";
import { Options } from "../../parts/selects.tsx";
import type { StoreView } from "../../vault/vault.ts";
import { paidIn } from "../purchases/bought.ts";
import { useVault } from "../vault-context.ts";
import { Audience } from "./audience.tsx";
import { checkedIntent, draftOf, type Fault, type Faults, type IntentDraft } from "./draft.ts";
import { categoryWord } from "./limits.ts";

const CURRENCY = { name: "currency", place: "intents.price.currency", input: "currency", optional: false } as const;
const COUNTRY = { name: "countryCode", place: "intents.area.countryCode", input: "country", optional: true } as const;

/** Makes or changes a wish. `path`: the record's, or the collection's for a new one. */
export function IntentForm(props: { store: StoreView; path: string; before: Intent | undefined; onSaved: () => void }) {
  const { before, store } = props;
  const vault = useVault();
  const { wanted: t } = words();
  const id = useId();
  const form = useRef<HTMLFormElement>(null);
  const draft = useSignal<IntentDraft>(draftOf(before, paidIn(store) ?? usualCurrency(navigator.languages)));
  const faults = useSignal<Faults>({});
  const save = useAction(async (value: Intent) => {
    try {
      await vault.save({ path: props.path, value });
    } catch (thrown) {
      // Brings what the other device did, so that the next try goes on from there.
      if (codeOf(thrown) === "stale") vault.refresh().catch(() => undefined);
      throw thrown;
    }
    props.onSaved();
  });
  useEffect(() => {
    if (before === undefined) form.current?.querySelector("input")?.focus({ preventScroll: true });
  }, []);
  const today = () => fieldDay(Date.now());
  const check = () => {
    const result = checkedIntent(draft.value, before, today());
    // A day that was typed half is empty to the page.
    const torn = form.current?.querySelector<HTMLInputElement>("input[type=date]")?.validity.badInput;
    if (!torn) return result;
    return { faults: { ...("faults" in result ? result.faults : {}), deadline: "date" as const } };
  };
  const submit = (event: Event) => {
    event.preventDefault();
    if (!vault.online.value) return;
    const result = check();
    faults.value = "faults" in result ? result.faults : {};
    if ("intent" in result) return save.run(result.intent);
    focusFault(form.current);
  };
  const change = (part: Partial<IntentDraft>) => {
    draft.value = { ...draft.value, ...part };
    if (Object.keys(faults.value).length === 0) return;
    const now = check();
    const still = "faults" in now ? now.faults : {};
    faults.value = Object.fromEntries(Object.entries(still).filter(([name]) => name in faults.value));
  };
  const common = (name: keyof IntentDraft) => ({ id: `${id}-${name}`, fault: faultText(faults.value[name]) });
  const bind = (name: Exclude<keyof IntentDraft, "audience">) => ({
    name,
    value: draft.value[name],
    onInput: (event: { currentTarget: { value: string } }) => change({ [name]: event.currentTarget.value }),
  });
  const more = before?.category ?? before?.details ?? before?.quantity;
  const online = vault.online.value;
  return (
    <form ref={form} onSubmit={submit} noValidate class="panel wish-form">
      <Entry {...common("item")} label={t.item} hint={t.itemHint}>
        {(control) => <input type="text" required autocomplete="off" dir="auto" {...control} {...bind("item")} />}
      </Entry>
      <fieldset class="field">
        <legend>{t.price}</legend>
        <div class="sums">
          {(["min", "max"] as const).map((name) => (
            <Entry key={name} {...common(name)} label={t[name]} optional>
              {(control) => <input type="text" inputmode="decimal" autocomplete="off" {...control} {...bind(name)} />}
            </Entry>
          ))}
          <Entry {...common("currency")} label={t.currency}>
            {(control) => (
              <select {...control} {...bind("currency")}>
                <Options field={CURRENCY} value={draft.value.currency} />
              </select>
            )}
          </Entry>
        </div>
      </fieldset>
      <div class="sums">
        <Entry {...common("deadline")} label={t.deadline} optional>
          {(control) => <input type="date" min={today()} {...control} {...bind("deadline")} />}
        </Entry>
        <Entry {...common("condition")} label={t.condition} optional>
          {(control) => (
            <select {...control} {...bind("condition")}>
              <option value="">{t.any}</option>
              {Object.entries(t.conditions).map(([value, word]) => (
                <option key={value} value={value}>
                  {word}
                </option>
              ))}
            </select>
          )}
        </Entry>
      </div>
      <details open={more !== undefined}>
        <summary>{t.details}</summary>
        <div class="sums">
          <Entry {...common("category")} label={t.category} optional>
            {(control) => (
              <select {...control} {...bind("category")}>
                <option value="">{t.notSaid}</option>
                {PRODUCT_CATEGORIES.map((each) => (
                  <option key={each} value={each}>
                    {categoryWord(each)}
                  </option>
                ))}
              </select>
            )}
          </Entry>
          <Entry {...common("quantity")} label={t.quantity} optional>
            {(control) => <input type="text" inputmode="numeric" autocomplete="off" {...control} {...bind("quantity")} />}
          </Entry>
        </div>
        <Entry {...common("details")} label={t.note} optional>
          {(control) => <textarea dir="auto" {...control} {...bind("details")} />}
        </Entry>
      </details>
      <details open={before?.area !== undefined}>
        <summary>{t.where}</summary>
        <p class="note">{t.whereNote}</p>
        <div class="sums">
          <Entry {...common("countryCode")} label={t.country} optional>
            {(control) => (
              <select autocomplete="off" {...control} {...bind("countryCode")}>
                <option value="">{t.notSaid}</option>
                <Options field={COUNTRY} value={draft.value.countryCode} />
              </select>
            )}
          </Entry>
          <Entry {...common("region")} label={t.region} optional>
            {(control) => <input type="text" autocomplete="off" dir="auto" {...control} {...bind("region")} />}
          </Entry>
          <Entry {...common("postcodePrefix")} label={t.postcode} hint={t.postcodeHint} optional>
            {(control) => <input type="text" autocomplete="off" {...control} {...bind("postcodePrefix")} />}
          </Entry>
        </div>
      </details>
      <fieldset class="field yours">
        <legend>{t.yours}</legend>
        <p class="note">{t.yoursNote}</p>
        <Entry {...common("recipient")} label={t.recipient} optional>
          {(control) => (
            <select {...control} {...bind("recipient")}>
              <option value="">{t.notSaid}</option>
              {RECIPIENTS.filter((each) => each !== "unknown").map((each) => (
                <option key={each} value={each}>
                  {t.recipients[each]}
                </option>
              ))}
            </select>
          )}
        </Entry>
        <Audience
          vendors={store.vendors}
          chosen={draft.value.audience}
          fault={faultText(faults.value.audience)}
          onChange={(audience) => change({ audience })}
        />
      </fieldset>
      <div class="row-of-buttons">
        <button type="submit" class="btn" aria-disabled={!online || undefined}>
          {online ? (save.pending.value ? t.saving : t.save) : t.offline}
        </button>
        <a class="text-btn" href="/wanted">
          {words().state.cancel}
        </a>
      </div>
      <ErrorState error={save.error.value} />
    </form>
  );
}

function faultText(fault: Fault | undefined): string | undefined {
  const t = words().wanted.faults;
  if (fault === undefined) return undefined;
  return typeof fault === "string" ? t[fault] : t.long(fault.long);
}
