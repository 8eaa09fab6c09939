import fc from "fast-check";

/** Stands in everything that is made up: it must never come back in a refusal, nor be in a log. */
export const CANARY = "kanarienvogel-7f3a";

/** A name for what nobody asked for: a refusal may tell it, as the place. */
const UNKNOWN = "unknown-member";

export const textOf = (value: unknown): string => (typeof value === "string" ? value : (JSON.stringify(value) ?? ""));

/** What a careful client never sends. */
export const junk: fc.Arbitrary<unknown> = fc.oneof(
  fc.string({ unit: "binary", maxLength: 30 }).map((text) => text + CANARY),
  fc.constantFrom<unknown>(
    null,
    true,
    0,
    -1,
    1e308,
    2 ** 53,
    "",
    CANARY,
    CANARY.repeat(1000),
    `../../${CANARY}`,
    `${CANARY}\u0000`,
    `${CANARY}\r\nSet-Cookie: a=b`,
    `\u202e${CANARY}`,
    `\ud800${CANARY}`,
    "__proto__",
    "constructor",
    `${"A".repeat(22)}`,
    `eyJhbGciOiJub25lIn0.eyJpc3MiOiJ4In0.${CANARY}`,
    [],
    {},
    { toString: CANARY },
    JSON.parse(`{"__proto__":{"admin":"${CANARY}"}}`),
    JSON.parse(`${"[".repeat(500)}${"]".repeat(500)}`),
  ),
  fc.jsonValue({ maxDepth: 3 }),
);

type Tree = Record<string, unknown> | unknown[];
const isTree = (value: unknown): value is Tree => typeof value === "object" && value !== null;

/** The value with up to three places in it replaced, left out or added to; now and then something else altogether. */
export const mutated = (values: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
  fc.oneof({ weight: 7, arbitrary: changedAt(values) }, { weight: 1, arbitrary: junk });

function changedAt(values: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  const change = fc.record({ at: fc.array(fc.nat(20), { maxLength: 5 }), how: fc.constantFrom("replace", "drop", "add"), by: junk });
  return fc.tuple(values, fc.array(change, { maxLength: 3 })).map(([value, changes]) => {
    let root = structuredClone(value);
    for (const { at, how, by } of changes) root = changed(root, at, how, by);
    return root;
  });
}

function changed(root: unknown, at: readonly number[], how: string, by: unknown): unknown {
  if (!isTree(root)) return by;
  let place: Tree = root;
  for (const step of at) {
    const keys = Object.keys(place);
    const next = (place as Record<string, unknown>)[keys[step % Math.max(1, keys.length)] ?? ""];
    if (!isTree(next)) break;
    place = next;
  }
  const members = place as Record<string, unknown>;
  const keys = Object.keys(members);
  const key = keys[(at.at(-1) ?? 0) % Math.max(1, keys.length)] ?? "";
  if (how === "add" || keys.length === 0) members[Array.isArray(place) ? String(keys.length) : UNKNOWN] = by;
  else if (how === "replace") members[key] = by;
  else if (Array.isArray(place)) place.splice(Number(key), 1);
  else delete members[key];
  return root;
}

/** A form's parameters with some replaced, left out, doubled or added. */
export const mutatedForm = (form: Record<string, string>): fc.Arbitrary<{ form: Record<string, string | undefined>; tail: string }> =>
  fc.record({
    form: fc
      .array(fc.tuple(fc.constantFrom(...Object.keys(form), CANARY, "scope", "request", "client_id", "resource"), fc.option(junk)), {
        maxLength: 3,
      })
      .map((changes) => ({
        ...form,
        ...Object.fromEntries(changes.map(([name, by]) => [name, by === null ? undefined : textOf(by)])),
      })),
    tail: fc.constantFrom("", "", "", "&state=again", `&%ff%fe=${CANARY}`, "&%", "&=", `&${CANARY}`, "\u0000"),
  });
