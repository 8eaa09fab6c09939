import type { ComponentChildren } from "preact";
import { useContext } from "preact/hooks";
import { words } from "../locales/words.ts";
import { type Draft, type FieldErrors, faultsUnder, type RuleDraft, rulesOf } from "./draft.ts";
import { RecordChoices, RuleContext } from "./rule-context.ts";
import type { FieldSpec } from "./schema-fields.ts";
import { wordAt } from "./word-at.ts";

interface Props {
  id: string;
  field: FieldSpec;
  value: unknown;
  /** Of the rows, by their number. */
  errors: FieldErrors;
  onChange: (rows: readonly RuleDraft[]) => void;
  /** The fields that an allowed row asks for. Handed in, since fields hold rules. */
  within: (props: { id: string; draft: Draft; errors: FieldErrors; onChange: (draft: Draft) => void }) => ComponentChildren;
}

/** One question for each option: not allowed, or allowed and how. Nothing said is not allowed, unless something else holds then. */
export function RuleFields({ id, field, value, errors, onChange, within }: Props) {
  const t = words();
  const ways = useContext(RuleContext);
  const rows = rulesOf(value);
  const change = (row: RuleDraft, to: Partial<RuleDraft>) => onChange(rows.map((each) => (each === row ? { ...each, ...to } : each)));
  return (
    <fieldset class="field rules">
      <legend class="vh">{wordAt(t.fields, field.place, field.name)}</legend>
      {rows.map((row, at) => {
        const name = wordAt(t.options, `${field.place}.${row.key}`, row.key);
        const isFirst = rows.findIndex((each) => each.key === row.key) === at;
        const unsaid = isFirst ? ways.unsaid?.(row.key) : undefined;
        const answers: Array<[string, boolean | undefined]> = [
          ...(unsaid === undefined ? [] : [[unsaid, undefined] as [string, undefined]]),
          [t.field.notAllowed, false],
          [t.field.allowed, true],
        ];
        // Nothing said is shown as what it means.
        const shown = row.allowed ?? (unsaid === undefined ? false : undefined);
        return (
          <fieldset key={`${row.key}-${at}`} class="rule">
            <legend>{isFirst ? name : t.field.second(name)}</legend>
            <div class="choices">
              {answers.map(([word, answer]) => (
                <label class="choice" key={word}>
                  <input type="radio" name={`${id}-${at}`} checked={shown === answer} onChange={() => change(row, { allowed: answer })} />
                  {word}
                </label>
              ))}
            </div>
            {row.allowed === true && (
              <RecordChoices.Provider value={ways.targets(row.key)}>
                <div class="rule-details">
                  {within({
                    id: `${id}-${at}`,
                    draft: row.draft,
                    errors: faultsUnder(String(at), errors),
                    onChange: (draft) => change(row, { draft }),
                  })}
                </div>
              </RecordChoices.Provider>
            )}
          </fieldset>
        );
      })}
    </fieldset>
  );
}
