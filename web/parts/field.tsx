import { useMemo } from "preact/hooks";
import { words } from "../locales/words.ts";
import { countries } from "./countries.ts";
import type { Draft, FieldErrors } from "./draft.ts";
import type { FieldSpec } from "./schema-fields.ts";

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
  date: "bday",
};

const wordOf = (table: Record<string, string>, key: string): string => table[key] ?? key;

export function faultText(field: FieldSpec, fault: { type: string; requirement: unknown }): string {
  const t = words().field;
  if (fault.type === "required") return field.input === "country" ? t.country : field.input === "date" ? t.date : t.required;
  if (fault.type === "max_length" && typeof fault.requirement === "number") return t.tooLong(fault.requirement);
  if (field.input === "email") return t.email;
  if (field.input === "tel") return t.phone;
  if (field.input === "date") return t.date;
  if (field.input === "number") return t.number;
  if (field.name === "tags" || field.name === "language") return t.language;
  return t.invalid;
}

interface FieldsProps {
  /** Unique on the page. */
  id: string;
  fields: readonly FieldSpec[];
  draft: Draft;
  errors: FieldErrors;
  onChange: (draft: Draft) => void;
}

/** The fields of one value. A fault is tied to its field by aria-describedby; whoever checks puts the focus on the first. */
export function Fields({ id, fields, draft, errors, onChange }: FieldsProps) {
  return (
    <>
      {fields.map((field) => {
        const nested = Object.entries(errors).flatMap(([place, fault]) =>
          place.startsWith(`${field.name}.`) ? [[place.slice(field.name.length + 1), fault] as const] : [],
        );
        return field.input === "group" ? (
          <fieldset class="field" key={field.name}>
            <legend>{wordOf(words().fields, field.name)}</legend>
            <Fields
              id={`${id}-${field.name}`}
              fields={field.fields ?? []}
              draft={(draft[field.name] ?? {}) as Draft}
              errors={Object.fromEntries(nested)}
              onChange={(inner) => onChange({ ...draft, [field.name]: inner })}
            />
          </fieldset>
        ) : (
          <Field
            key={field.name}
            id={`${id}-${field.name}`}
            field={field}
            value={draft[field.name]}
            fault={errors[field.name]}
            onChange={(value) => onChange({ ...draft, [field.name]: value })}
          />
        );
      })}
    </>
  );
}

interface FieldProps {
  id: string;
  field: FieldSpec;
  value: unknown;
  fault: { type: string; requirement: unknown } | undefined;
  onChange: (value: unknown) => void;
}

function Field(props: FieldProps) {
  const { id, field, value, fault } = props;
  const t = words();
  const label = wordOf(t.fields, field.name);
  const hint = (t.hints as Record<string, string>)[field.name];
  const describedby = [fault && `${id}-fault`, hint && `${id}-hint`].filter(Boolean).join(" ");
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
  if (field.grid) return <Grid {...props} grid={field.grid} label={label} below={below} />;
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
    "aria-describedby": describedby || undefined,
    required: !field.optional,
  };
  const set = (event: { currentTarget: { value: string } }) => props.onChange(event.currentTarget.value);
  return (
    <div class="field">
      <label for={id}>
        {label} {field.optional && <span class="opt">({t.field.optional})</span>}
      </label>
      {field.input === "select" || field.input === "country" ? (
        <select {...common} autocomplete={AUTOCOMPLETE[field.name]} onChange={set}>
          <option value="">{t.field.choose}</option>
          {field.input === "country" ? (
            <Countries />
          ) : (
            (field.options ?? []).map((option) => (
              <option key={option} value={option}>
                {wordOf(t.options, option)}
              </option>
            ))
          )}
        </select>
      ) : field.input === "long" || field.input === "list" ? (
        <textarea {...common} onInput={set} />
      ) : (
        <Line input={field.input} {...common} autocomplete={AUTOCOMPLETE[field.name] ?? "off"} onInput={set} />
      )}
      {below}
    </div>
  );
}

type LineProps = Record<"id" | "name" | "value" | "autocomplete", string> & {
  required: boolean;
  onInput: (event: { currentTarget: { value: string } }) => void;
};

/** One branch for each type: their attributes differ in the types of JSX. */
function Line({ input, ...rest }: LineProps & { input: FieldSpec["input"] }) {
  if (input === "email") return <input type="email" {...rest} />;
  if (input === "tel") return <input type="tel" {...rest} />;
  if (input === "date") return <input type="date" {...rest} />;
  if (input === "number") return <input type="number" {...rest} />;
  return <input type="text" {...rest} />;
}

function Countries() {
  const { tag } = words();
  const all = useMemo(() => countries(tag), [tag]);
  return all.map(({ code, name }) => (
    <option key={code} value={code}>
      {name}
    </option>
  ));
}

/** One question for each value of the key; an unanswered one is absent. */
function Grid(props: FieldProps & { grid: NonNullable<FieldSpec["grid"]>; label: string; below: preact.ComponentChildren }) {
  const { id, field, grid } = props;
  const t = words();
  const rows = (props.value ?? {}) as Record<string, Record<string, unknown>>;
  return (
    <fieldset class="field">
      <legend>{props.label}</legend>
      {(field.options ?? []).map((key) => (
        <fieldset key={key} class="field">
          <legend>{wordOf(t.options, key)}</legend>
          <div class="choices">
            {grid.answers.map((answer) => (
              <label class="choice" key={answer}>
                <input
                  type="radio"
                  name={`${id}-${key}`}
                  checked={rows[key]?.[grid.answer] === answer}
                  onChange={() => props.onChange({ ...rows, [key]: { ...rows[key], [grid.key]: key, [grid.answer]: answer } })}
                />
                {wordOf(t.options, answer)}
              </label>
            ))}
          </div>
        </fieldset>
      ))}
      {props.below}
    </fieldset>
  );
}
