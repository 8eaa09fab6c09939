import { useId, useMemo, useRef } from "preact/hooks";
import { FIELDS, type Field, type Mapping } from "../../imports/mapping.ts";
import type { Found } from "../../imports/open-file.ts";
import { words } from "../../locales/words.ts";
import { COMMON_CURRENCIES, currencies } from "../../parts/currencies.ts";

type Table = Extract<Found, { shape: "table" }>;

interface Props {
  table: Table;
  mapping: Mapping;
  onColumns: (columns: Mapping["columns"]) => void;
  onMapping: (mapping: Mapping) => void;
}

const MAIN = FIELDS.slice(0, 5);
const MORE = FIELDS.slice(5);

/** Which column says what, with the first lines to see it by. A known export is only opened to look. */
export function Columns(props: Props) {
  const { table, mapping, onMapping } = props;
  const t = words().imports;
  /** As it was guessed at first: what has to be answered isn't folded away, also once it is answered. */
  const asked = useMemo(() => !isWhole(mapping), [table]);
  const lines = <Sample table={table} mapping={mapping} />;
  const dates = <DatesAsked {...props} />;
  const all = (
    <>
      <div class="mapping">
        {MAIN.map((field) => (
          <ColumnOf key={field} field={field} {...props} />
        ))}
        {mapping.columns.seller === undefined && (
          <Line label={t.sellerText} hint={t.sellerHint} value={mapping.seller} onValue={(seller) => onMapping({ ...mapping, seller })} />
        )}
        {mapping.columns.currency === undefined && (
          <CurrencyOf value={mapping.currency} onValue={(currency) => onMapping({ ...mapping, currency })} />
        )}
        <Choice
          label={t.meaning}
          value={mapping.meaning}
          options={["price", "minus-spent", "plus-spent"] as const}
          words={t.meanings}
          onValue={(meaning) => onMapping({ ...mapping, meaning })}
        />
      </div>
      <details>
        <summary>{t.columnsMore}</summary>
        <div class="mapping">
          {MORE.map((field) => (
            <ColumnOf key={field} field={field} {...props} />
          ))}
          <Choice
            label={t.decimals}
            value={mapping.decimal}
            options={[".", ","] as const}
            words={t.decimalOf}
            onValue={(decimal) => onMapping({ ...mapping, decimal })}
          />
        </div>
      </details>
    </>
  );
  return (
    <section class="group">
      {table.known ? (
        <details>
          <summary>{t.columnsKnown}</summary>
          {lines}
          {dates}
          {all}
        </details>
      ) : (
        <>
          <h2>{t.columns}</h2>
          {lines}
          {dates}
          {asked ? (
            all
          ) : (
            <details>
              <summary>{t.columnsKnown}</summary>
              {all}
            </details>
          )}
        </>
      )}
    </section>
  );
}

/** Whether all that a purchase needs was guessed, so that the heads over the first lines say it. */
const isWhole = ({ columns, currency, dates }: Mapping): boolean =>
  [columns.item, columns.seller, columns.date, columns.amount, dates, columns.currency ?? (currency || undefined)].every(
    (each) => each !== undefined,
  );

/** Asked where it has to be, and still there once it is answered. */
function DatesAsked({ table, mapping, onMapping }: Props) {
  const t = words().imports;
  const at = mapping.columns.date;
  const asked = useRef<number | undefined>(undefined);
  if (mapping.dates === undefined) asked.current = at;
  const cells = at === undefined ? [] : table.sample.map((each) => each[at] ?? "");
  const example = cells.find((cell) => /^\d{1,2}[./-]\d{1,2}[./-]/.test(cell));
  if (example === undefined || asked.current !== at) return null;
  return (
    <fieldset class="notice brass dates">
      <legend>{t.datesQuestion}</legend>
      <p>{t.datesNote(example)}</p>
      {(["day-first", "month-first"] as const).map((order) => (
        <label class="choice" key={order}>
          <input type="radio" name="dates" checked={mapping.dates === order} onChange={() => onMapping({ ...mapping, dates: order })} />
          {t.dateOrders[order]}
        </label>
      ))}
    </fieldset>
  );
}

/** A table wider than the window is moved by itself, with the keys too; not every browser sees to that. */
const focusable = (element: HTMLElement | null): void => {
  if (element) element.tabIndex = 0;
};

function Sample({ table, mapping }: Pick<Props, "table" | "mapping">) {
  const t = words().imports;
  const used = (at: number): Field | undefined => FIELDS.find((field) => mapping.columns[field] === at);
  return (
    <section class="sample" aria-label={t.sample} ref={focusable}>
      <table>
        <caption class="vh">{t.sample}</caption>
        <thead>
          <tr>
            {table.columns.map((name, at) => {
              const field = used(at);
              return (
                <th scope="col" key={`${at} ${name}`} class={field ? "used" : undefined}>
                  {field && <span class="as">{t.fields[field]}</span>}
                  <bdi>{name}</bdi>
                </th>
              );
            })}
          </tr>
        </thead>
        <tbody>
          {table.sample.map((cells, row) => (
            <tr key={String(row)}>
              {cells.map((cell, at) => (
                <td key={String(at)}>
                  <bdi>{cell.length > 60 ? `${cell.slice(0, 60)}…` : cell}</bdi>
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function ColumnOf({ field, table, mapping, onColumns }: Props & { field: Field }) {
  const t = words().imports;
  const id = useId();
  const first = (at: number): string => table.sample.map((cells) => cells[at] ?? "").find((cell) => cell !== "") ?? "";
  return (
    <div class="field">
      <label for={id}>{t.fields[field]}</label>
      <select
        id={id}
        value={String(mapping.columns[field] ?? "")}
        onChange={(event) => {
          const { [field]: _, ...others } = mapping.columns;
          onColumns(event.currentTarget.value === "" ? others : { ...others, [field]: Number(event.currentTarget.value) });
        }}
      >
        <option value="">{t.none}</option>
        {table.columns.map((name, at) => (
          <option key={`${at} ${name}`} value={String(at)}>
            {t.column(name, first(at).slice(0, 24))}
          </option>
        ))}
      </select>
    </div>
  );
}

function Line(props: { label: string; hint: string; value: string; onValue: (value: string) => void }) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{props.label}</label>
      <input
        id={id}
        type="text"
        maxLength={120}
        value={props.value}
        aria-describedby={`${id}-hint`}
        onChange={(event) => props.onValue(event.currentTarget.value)}
      />
      <small id={`${id}-hint`}>{props.hint}</small>
    </div>
  );
}

function CurrencyOf({ value, onValue }: { value: string; onValue: (value: string) => void }) {
  const { tag, imports: t } = words();
  const id = useId();
  const all = useMemo(() => currencies(tag), [tag]);
  const common: readonly string[] = COMMON_CURRENCIES;
  const sorted = [...all.filter(({ code }) => common.includes(code)), ...all.filter(({ code }) => !common.includes(code))];
  return (
    <div class="field">
      <label for={id}>{t.currencyText}</label>
      <select id={id} value={value} onChange={(event) => onValue(event.currentTarget.value)}>
        <option value="">{t.currencyNone}</option>
        {sorted.map(({ code, name }) => (
          <option key={code} value={code}>
            {code === name ? code : `${code}, ${name}`}
          </option>
        ))}
      </select>
    </div>
  );
}

function Choice<T extends string>(props: {
  label: string;
  value: T;
  options: readonly T[];
  words: Readonly<Record<T, string>>;
  onValue: (value: T) => void;
}) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{props.label}</label>
      <select
        id={id}
        value={props.value}
        onChange={(event) => {
          const chosen = props.options.find((each) => each === event.currentTarget.value);
          if (chosen !== undefined) props.onValue(chosen);
        }}
      >
        {props.options.map((each) => (
          <option key={each} value={each}>
            {props.words[each]}
          </option>
        ))}
      </select>
    </div>
  );
}
