import type { AuthorizationDetail, AuthorizationDetails } from "#protocol/authorization-details.ts";
import { words } from "../../locales/words.ts";
import { countryName, isInEea } from "../../parts/countries.ts";
import { keepsText, oftenText } from "../terms.tsx";
import { type Extra, extraId } from "./amending.ts";

/** What a change asks for besides data, each off until ticked (C12): unticked, it stays as it is. */
export function Extras(props: {
  extras: readonly Extra[];
  asked: AuthorizationDetails;
  now: ReadonlyArray<AuthorizationDetail | undefined>;
  ticked: ReadonlySet<string>;
  onChange: (ticked: ReadonlySet<string>) => void;
}) {
  const { ask: t } = words();
  if (props.extras.length === 0) return null;
  return (
    <fieldset class="group" data-rule="C12-more">
      <legend>{t.change.more}</legend>
      {props.extras.map((extra) => {
        const id = extraId(extra);
        const asked = props.asked[extra.at];
        const old = props.now[extra.at];
        return (
          <label class="choice" key={id}>
            <input
              type="checkbox"
              checked={props.ticked.has(id)}
              onChange={(event) => {
                const next = new Set(props.ticked);
                if (event.currentTarget.checked) next.add(id);
                else next.delete(id);
                props.onChange(next);
              }}
            />
            <span>
              <span class="tag-new">{t.fresh}:</span> {asked && old && textOf(extra, asked, old)}
            </span>
          </label>
        );
      })}
      <p class="note">{t.change.moreNote}</p>
    </fieldset>
  );
}

function textOf(extra: Extra, asked: AuthorizationDetail, old: AuthorizationDetail): string {
  const { tag, ask: t } = words();
  switch (extra.term) {
    case "retention":
      return t.change.longer(keepsText(asked), keepsText(old));
    case "frequency":
      return t.change.oftener(oftenText(asked), oftenText(old));
    case "recipients":
      return t.change.passOn(extra.name);
    case "storage_countries":
      return t.change.keepIn(isInEea(extra.name) ? countryName(tag, extra.name) : `${countryName(tag, extra.name)} (${t.outside})`);
  }
}
