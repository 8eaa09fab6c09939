import { words } from "../../locales/words.ts";

/** What else the shop may do, off until ticked. */
export function MoreActions({
  asked,
  chosen,
  onChange,
}: {
  asked: readonly string[];
  chosen: readonly string[];
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
          {(t.actions as Record<string, string>)[action] ?? action}
        </label>
      ))}
    </fieldset>
  );
}
