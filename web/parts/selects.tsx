import { useContext, useMemo } from "preact/hooks";
import { words } from "../locales/words.ts";
import { countries } from "./countries.ts";
import { COMMON_CURRENCIES, currencies } from "./currencies.ts";
import { RecordChoices } from "./rule-context.ts";
import type { FieldSpec } from "./schema-fields.ts";
import { wordAt } from "./word-at.ts";

/** The options of a select that isn't just the schema's own list. `value`: stays on offer, whatever it is. */
export function Options({ field, value }: { field: FieldSpec; value: string }) {
  switch (field.input) {
    case "country":
      return <Countries />;
    case "currency":
      return <Currencies value={value} />;
    case "language":
      return <Languages value={value} />;
    case "zone":
      return <Zones value={value} />;
    case "duration":
      return <Durations value={value} />;
    case "record":
      return <Records value={value} />;
    default:
      return (field.options ?? []).map((option) => (
        <option key={option} value={option}>
          {wordAt(words().options, `${field.place}.${option}`, option)}
        </option>
      ));
  }
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

function Currencies({ value }: { value: string }) {
  const { tag, field: t } = words();
  const all = useMemo(() => currencies(tag), [tag]);
  const common: readonly string[] = COMMON_CURRENCIES;
  const named = (code: string) => all.find((each) => each.code === code) ?? { code, name: code };
  const option = ({ code, name }: { code: string; name: string }) => (
    <option key={code} value={code}>
      {code === name ? code : `${code}, ${name}`}
    </option>
  );
  const rest = all.filter(({ code }) => !common.includes(code));
  return (
    <>
      {value !== "" && all.every(({ code }) => code !== value) && option(named(value))}
      <optgroup label={t.common}>{common.map((code) => option(named(code)))}</optgroup>
      <optgroup label={t.more}>{rest.map(option)}</optgroup>
    </>
  );
}

/** Those that most of our customers read, by ISO 639-1; another one that a value has stays on offer. */
const LANGUAGES =
  "ar be bg bs ca cs cy da de el en es et eu fa fi fr ga gl he hi hr hu is it ja ko lb lt lv mk mt nl no pl pt ro ru sk sl sq sr sv tr uk ur vi zh".split(
    " ",
  );

function Languages({ value }: { value: string }) {
  const { tag } = words();
  const all = useMemo(() => {
    const names = new Intl.DisplayNames(tag, { type: "language" });
    return LANGUAGES.map((code) => ({ code, name: names.of(code) ?? code })).sort((a, b) => a.name.localeCompare(b.name, tag));
  }, [tag]);
  return (
    <>
      {value !== "" && !LANGUAGES.includes(value) && <option value={value}>{value}</option>}
      {all.map(({ code, name }) => (
        <option key={code} value={code}>
          {name}
        </option>
      ))}
    </>
  );
}

function Zones({ value }: { value: string }) {
  const { field: t } = words();
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const groups = useMemo(() => {
    const byPart = new Map<string, string[]>();
    for (const zone of Intl.supportedValuesOf("timeZone")) {
      const part = zone.split("/", 1)[0] ?? zone;
      byPart.set(part, [...(byPart.get(part) ?? []), zone]);
    }
    return [...byPart];
  }, []);
  const first = [...new Set([here, value])].filter((zone) => zone !== "");
  return (
    <>
      <optgroup label={t.hereZone}>
        {first.map((zone) => (
          <option key={zone} value={zone}>
            {zone.replaceAll("_", " ")}
          </option>
        ))}
      </optgroup>
      {groups.map(([part, zones]) => (
        <optgroup key={part} label={part}>
          {zones
            .filter((zone) => !first.includes(zone))
            .map((zone) => (
              <option key={zone} value={zone}>
                {zone.replaceAll("_", " ")}
              </option>
            ))}
        </optgroup>
      ))}
    </>
  );
}

const DURATIONS = ["P1D", "P7D", "P14D", "P30D", "P90D", "P365D"];

function Durations({ value }: { value: string }) {
  const { field: t } = words();
  return [...new Set([...DURATIONS, value])]
    .filter((each) => each !== "")
    .map((each) => (
      <option key={each} value={each}>
        {t.per(Number(/\d+/.exec(each)?.[0]), each.endsWith("H"))}
      </option>
    ));
}

function Records({ value }: { value: string }) {
  const choices = useContext(RecordChoices);
  return (
    <>
      {value !== "" && choices.every(({ path }) => path !== value) && <option value={value}>{words().field.gone}</option>}
      {choices.map(({ path, name }) => (
        <option key={path} value={path}>
          {name}
        </option>
      ))}
    </>
  );
}
