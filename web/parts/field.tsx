import { useContext } from "preact/hooks";
import { words } from "../locales/words.ts";
import { type Draft, type FieldErrors, faultsUnder } from "./draft.ts";
import { RecordChoices } from "./rule-context.ts";
import { RuleFields } from "./rule-fields.tsx";
import type { FieldSpec } from "./schema-fields.ts";
import { Options } from "./selects.tsx";
import { wordAt } from "./word-at.ts";

/** WCAG 1.3.5: what browsers fill in by themselves. */
const AUTOCOMPLETE: Record<string, string> = {
  given: "given-name",
  surname: "family-name",
  address: "email",
  number: "tel",
  street: "street-address",
  postcode: "postal-code",
  locality: "address-level2",
  region: "address-level1",
  countryCode: "country",
  "profile/birthday.date": "bday",
};

export const fieldWord = (field: FieldSpec): string => wordAt(words().fields, field.place, field.name);

export function faultText(field: FieldSpec, fault: { type: string; requirement: unknown }): string {
  const t = words().field;
  const limit = typeof fault.requirement === "number" ? fault.requirement : undefined;
  if (fault.type === "max_length" && limit !== undefined) return field.input === "list" ? t.tooMany(limit) : t.tooLong(limit);
  if (fault.type === "max_value" && limit !== undefined) return t.tooMuch(limit);
  if (fault.type === "required") return wordAt(t.missing, field.input, t.required);
  return wordAt(t.wrong, field.name === "tags" ? "language" : field.input, t.invalid);
}

interface FieldsProps {
  /** Unique on the page. */
  id: string;
  fields: readonly FieldSpec[];
  draft: Draft;
  errors: FieldErrors;
  onChange: (draft: Draft) => void;
  /** Inside a group that may stay empty as a whole. */
  free?: boolean;
}

/** The fields of one value. A fault is tied to its field by aria-describedby; whoever checks puts the focus on the first. */
export function Fields({ id, fields, draft, errors, onChange, free = false }: FieldsProps) {
  return (
    <>
      {fields.map((field) => {
        const place = `${id}-${field.name}`;
        const set = (value: unknown) => onChange({ ...draft, [field.name]: value });
        const value = draft[field.name];
        if (field.input === "group")
          return (
            <Group key={field.name} field={field} free={free}>
              <Fields
                id={place}
                fields={field.fields ?? []}
                draft={(value ?? {}) as Draft}
                errors={faultsUnder(field.name, errors)}
                onChange={set}
                free={free || field.optional}
              />
            </Group>
          );
        if (field.input === "rules")
          return (
            <RuleFields
              key={field.name}
              id={place}
              field={field}
              value={value}
              errors={faultsUnder(field.name, errors)}
              onChange={set}
              within={(inner) => <Fields {...inner} fields={field.fields ?? []} free />}
            />
          );
        return <Field key={field.name} id={place} field={field} value={value} fault={errors[field.name]} onChange={set} free={free} />;
      })}
    </>
  );
}

function Group({ field, free, children }: { field: FieldSpec; free: boolean; children: preact.ComponentChildren }) {
  const hint = wordAt(words().hints, field.place, undefined);
  return (
    <fieldset class="field">
      <legend>
        {fieldWord(field)} {field.optional && !free && <span class="opt">({words().field.optional})</span>}
      </legend>
      <div class="together">{children}</div>
      {hint && <small>{hint}</small>}
    </fieldset>
  );
}

interface FieldProps {
  id: string;
  field: FieldSpec;
  value: unknown;
  fault: { type: string; requirement: unknown } | undefined;
  onChange: (value: unknown) => void;
  free: boolean;
}

const SELECTS: readonly FieldSpec["input"][] = ["select", "country", "currency", "language", "zone", "duration", "record"];

function Field(props: FieldProps) {
  const { id, field, value, fault, free } = props;
  const t = words();
  const records = useContext(RecordChoices);
  const label = fieldWord(field);
  const hint = wordAt(t.hints, field.place, undefined);
  const describedby = [fault && `${id}-fault`, hint && `${id}-hint`].filter(Boolean).join(" ") || undefined;
  const below = (
    <>
      {hint && <small id={`${id}-hint`}>{hint}</small>}
      {fault && (
        <p class="err" id={`${id}-fault`}>
          {faultText(field, fault)}
        </p>
      )}
    </>
  );
  const optional = field.optional && !free && <span class="opt">({t.field.optional})</span>;
  if (field.input === "record" && records.length === 0 && !value) return null;
  if (field.input === "choices")
    return (
      <Choices {...props} describedby={describedby} below={below}>
        {label} {optional}
      </Choices>
    );
  if (field.input === "checkbox")
    return (
      <div class="field">
        <label class="choice">
          <input type="checkbox" checked={value === true} onChange={(event) => props.onChange(event.currentTarget.checked)} />
          {label}
        </label>
        {below}
      </div>
    );
  const common = {
    id,
    name: field.name,
    value: String(value ?? ""),
    "aria-invalid": fault ? (true as const) : undefined,
    "aria-describedby": describedby,
    required: !field.optional && !free,
  };
  const filledIn = AUTOCOMPLETE[field.place] ?? AUTOCOMPLETE[field.name];
  const set = (event: { currentTarget: { value: string } }) => props.onChange(event.currentTarget.value);
  const isLong = field.input === "long" || field.input === "list";
  return (
    <div class={isLong ? "field wide" : "field"}>
      <label for={id}>
        {label} {optional}
      </label>
      {SELECTS.includes(field.input) ? (
        <select {...common} autocomplete={filledIn} onChange={set}>
          <option value="">{field.input === "record" ? t.field.any : field.optional ? t.field.none : t.field.choose}</option>
          <Options field={field} value={common.value} />
        </select>
      ) : isLong ? (
        <textarea {...common} onInput={set} />
      ) : (
        <Line input={field.input} {...common} autocomplete={filledIn ?? "off"} onInput={set} />
      )}
      {below}
    </div>
  );
}

type LineProps = Record<"id" | "name" | "value" | "autocomplete", string> & {
  required: boolean;
  onInput: (event: { currentTarget: { value: string } }) => void;
};

/** One branch for each type: their attributes differ in the types of JSX. Numbers are texts, so that nothing typed is dropped unseen. */
function Line({ input, ...rest }: LineProps & { input: FieldSpec["input"] }) {
  if (input === "email") return <input type="email" {...rest} />;
  if (input === "tel") return <input type="tel" {...rest} />;
  if (input === "date") return <input type="date" {...rest} />;
  if (input === "time") return <input type="time" {...rest} />;
  if (input === "number") return <input type="text" inputMode="numeric" {...rest} />;
  if (input === "decimal") return <input type="text" inputMode="decimal" {...rest} />;
  return <input type="text" {...rest} />;
}

/** Boxes to tick, kept in the order of the schema. */
function Choices(
  props: FieldProps & { describedby: string | undefined; below: preact.ComponentChildren; children: preact.ComponentChildren },
) {
  const { field, fault } = props;
  const chosen: readonly unknown[] = Array.isArray(props.value) ? props.value : [];
  const options = field.options ?? [];
  return (
    <fieldset class="field wide" aria-describedby={props.describedby}>
      <legend>{props.children}</legend>
      <div class="choices">
        {options.map((option, at) => (
          <label class="choice" key={option}>
            <input
              type="checkbox"
              aria-invalid={fault && at === 0 ? true : undefined}
              checked={chosen.includes(option)}
              onChange={(event) => {
                const { checked } = event.currentTarget;
                props.onChange(options.filter((each) => (each === option ? checked : chosen.includes(each))));
              }}
            />
            {wordAt(words().options, `${field.place}.${option}`, option)}
          </label>
        ))}
      </div>
      {props.below}
    </fieldset>
  );
}
