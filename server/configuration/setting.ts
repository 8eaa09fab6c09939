import * as v from "valibot";

/** One thing that an operator decides, read from the environment variable `name`. */
export interface Setting<Value> {
  readonly name: `COUNTERFOIL_${string}`;
  /** One sentence or two: what it is for, and what to know before changing it. */
  readonly purpose: string;
  /** From the variable's text to the value; its description says what is expected. */
  readonly shape: v.GenericSchema<string, Value>;
  /** As one would write it. */
  readonly default?: string;
  /** Where there is no default: what then. */
  readonly otherwise?: string;
  /** Its value is shown to nobody. */
  readonly secret?: true;
}

/** What is wrong with one variable, in words that may be shown. */
export interface Fault {
  readonly name: string;
  readonly found: string;
  readonly expected: string;
}

/** Every fault at once, so that an operator repairs them in one go. */
export class SettingsError extends Error {
  override readonly name = "SettingsError";
  readonly faults: readonly Fault[];
  constructor(faults: readonly Fault[]) {
    super(faults.map(({ name, found, expected }) => `${name}: found ${found}, expected ${expected}`).join("\n"));
    this.faults = faults;
  }
}

/** A text of at most `most` characters, none of them a control character. */
export const text = (expected: string, most = 4_096) =>
  v.pipe(v.string(), v.nonEmpty(), v.maxLength(most), v.regex(/^\P{Cc}+$/u), v.description(expected));

/** `per`: what one of them is worth in the value. */
export const whole = (least: number, most: number, unit = "", per = 1) =>
  v.pipe(
    v.string(),
    v.regex(/^\d{1,15}$/),
    v.transform(Number),
    v.minValue(least),
    v.maxValue(most),
    v.transform((count) => count * per),
    v.description(`a whole number${unit === "" ? "" : ` of ${unit}`} from ${least} to ${most}`),
  );

export const oneOf = <const Words extends readonly [string, ...string[]]>(...words: Words) =>
  v.pipe(
    v.string(),
    v.picklist(words),
    v.description(
      words
        .map((word) => `\`${word}\``)
        .join(words.length === 2 ? " or " : ", ")
        .replace(/, ([^,]+)$/, " or $1"),
    ),
  );

/** What `parse` makes of it; undefined from it: refused. */
export const parsed = <Value>(expected: string, parse: (written: string) => Value | undefined) =>
  v.pipe(
    v.string(),
    v.nonEmpty(),
    v.maxLength(100_000),
    v.rawTransform<string, Value>(({ dataset, addIssue, NEVER }) => {
      const value = parse(dataset.value);
      if (value !== undefined) return value;
      addIssue();
      return NEVER;
    }),
    v.description(expected),
  );

export const expectedOf = ({ shape }: Setting<unknown>): string => v.getDescription(shape) ?? "another value";

/** The value, or why not. */
export function readSetting<Value>(setting: Setting<Value>, written: string): { value: Value } | { fault: Fault } {
  const result = v.safeParse(setting.shape, written, { abortEarly: true });
  if (result.success) return { value: result.output };
  return { fault: { name: setting.name, found: shown(written, setting.secret), expected: expectedOf(setting) } };
}

const LONGEST = 80;

/** What was found, so far as a terminal and a log may show it: a password in the wrong variable is one too. */
export function shown(written: string, isSecret?: boolean): string {
  if (written === "") return "nothing";
  if (isSecret) return "something else (not shown)";
  if (/:\/\/[^/]*@|password|secret|token/i.test(written)) return "something else (not shown, since it may be a secret)";
  return JSON.stringify(written.length > LONGEST ? `${written.slice(0, LONGEST)}…` : written);
}
