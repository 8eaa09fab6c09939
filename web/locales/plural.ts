type Forms = Partial<Record<Intl.LDMLPluralRule, string>> & { other: string };

/** Picks the form for a count by the language's own rules (CLDR); `#` stands for the number. A `zero` is taken for 0 in every language. */
export function plural(tag: string): (count: number, forms: Forms) => string {
  const rules = new Intl.PluralRules(tag);
  const numbers = new Intl.NumberFormat(tag);
  return (count, forms) => {
    const form = count === 0 ? (forms.zero ?? forms[rules.select(0)]) : forms[rules.select(count)];
    return (form ?? forms.other).replace("#", numbers.format(count));
  };
}
