import { words } from "../../locales/words.ts";

/** What else the shop may do, off until ticked. `allowed`: what it may do now, where a connection is changed. */
export function MoreActions({
  asked,
  chosen,
  allowed,
  onChange,
}: {
  asked: readonly string[];
  chosen: readonly string[];
  allowed?: readonly string[] | undefined;
  onChange: (chosen: string[]) => void;
}) {
  const { ask: t } = words();
  if (asked.length === 0) return null;
  return (
    <fieldset class="group">
      <legend>{t.also}</legend>
      {asked.map((action) => (
        <label class="choice" key={action}>
          <input
            type="checkbox"
            checked={chosen.includes(action)}
            onChange={(event) => onChange(event.currentTarget.checked ? [...chosen, action] : chosen.filter((each) => each !== action))}
          />
          <span>
            {actionWord(action)}{" "}
            {allowed && (allowed.includes(action) ? <span class="opt">{t.change.mayNow}</span> : <span class="tag-new">· {t.fresh}</span>)}
          </span>
        </label>
      ))}
    </fieldset>
  );
}

export const actionWord = (action: string): string => (words().ask.actions as Record<string, string>)[action] ?? action;
