import { useMemo } from "preact/hooks";
import { Contact } from "#protocol/data/contact.ts";
import { words } from "../../locales/words.ts";
import { checked, type Draft, draftOf, type FieldErrors } from "../../parts/draft.ts";
import { Fields } from "../../parts/field.tsx";
import { type RecordChoice, RuleContext, type RuleWays } from "../../parts/rule-context.ts";
import { fieldsOf } from "../../parts/schema-fields.ts";
import { valueText } from "../values.ts";
import { useVault } from "../vault-context.ts";
import { recordsOf } from "./records.ts";

/** Where the addresses of each channel lie. */
const TARGETS: Record<string, string> = {
  email: "profile/emails",
  sms: "profile/phones",
  phone: "profile/phones",
  post: "profile/addresses",
};

/** The records that a rule can point at, for a form that may hold rules. */
export function useTargets(): (channel: string) => readonly RecordChoice[] {
  const records = useVault().store.value?.records;
  return useMemo(() => {
    const named = (kind: string) => recordsOf(records ?? [], kind).map(({ path, value }) => ({ path, name: valueText(value) }));
    const lists = new Map<string, readonly RecordChoice[]>();
    return (channel) => {
      const kind = TARGETS[channel];
      if (kind === undefined) return [];
      const list = lists.get(kind) ?? named(kind);
      lists.set(kind, list);
      return list;
    };
  }, [records]);
}

const fields = (): ReturnType<typeof fieldsOf> => fieldsOf(Contact);

/** The draft of a shop's own rules; what they don't say is left to the general ones, the time zone too. */
export const contactDraft = (value: Contact | undefined): Draft => ({
  ...draftOf(fields(), value ?? { channels: [] }),
  timeZone: value?.timeZone ?? "",
});

/** The rules that a draft stands for; undefined where it says nothing. */
export function contactOf(draft: Draft): { value: Contact | undefined } | { errors: FieldErrors } {
  const result = checked(Contact, fields(), draft);
  if ("errors" in result) return result;
  const value = result.value as Contact;
  return { value: value.channels.length === 0 && Object.keys(value).length === 1 ? undefined : value };
}

interface Props {
  id: string;
  draft: Draft;
  errors: FieldErrors;
  onChange: (draft: Draft) => void;
  /** The general rules, which hold for each channel that a shop's own don't name. */
  general: Contact | null;
}

/** A shop's own contact rules. The general ones are edited by the form of their kind. */
export function ContactFields({ id, draft, errors, onChange, general }: Props) {
  const t = words().field;
  const targets = useTargets();
  const ways = useMemo((): RuleWays => {
    const isAllowed = (channel: string) => {
      const rules = (general?.channels ?? []).filter((rule) => rule.channel === channel);
      return rules.length > 0 && rules.every(({ allowed }) => allowed);
    };
    return { targets, unsaid: (channel) => t.asForAll(isAllowed(channel) ? t.allowed : t.notAllowed) };
  }, [targets, general, t]);
  return (
    <RuleContext.Provider value={ways}>
      <Fields id={id} fields={fields()} draft={draft} errors={errors} onChange={onChange} />
    </RuleContext.Provider>
  );
}
