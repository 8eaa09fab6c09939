import { useId } from "preact/hooks";
import type { Preview } from "../../imports/open-file.ts";
import { words } from "../../locales/words.ts";
import { countries } from "../../parts/countries.ts";
import { Limited } from "../../parts/limited.tsx";
import { saveFile } from "../../parts/save-file.ts";
import { faultText, placeText } from "./fault-text.ts";
import type { Session } from "./session.ts";

/** What can't be read, by its place, and what its customer can do about it here. */
export function Faults({ session, preview }: { session: Session; preview: Preview }) {
  const { imports: t, tag } = words();
  const id = useId();
  const { faults } = preview;
  const choices = session.choices.value;
  const long = faults.filter(({ code }) => code === "too-long").length;
  const asksCountry = faults.some(({ code }) => code === "no-country") || choices.country !== undefined;
  if (faults.length === 0 && !choices.shorten && !asksCountry) return null;
  return (
    <section class="group">
      <h2 id="not-read" tabIndex={-1}>
        {t.faults}
      </h2>
      {(long > 0 || choices.shorten) && (
        <label class="choice">
          <input
            type="checkbox"
            checked={choices.shorten ?? false}
            onChange={(event) => session.choose({ ...choices, shorten: event.currentTarget.checked })}
          />
          {t.shorten(long || preview.candidates.filter(({ shortened }) => shortened).length)}
        </label>
      )}
      {asksCountry && (
        <div class="field">
          <label for={id}>{t.country}</label>
          <select
            id={id}
            value={choices.country ?? ""}
            onChange={(event) => session.choose({ ...choices, country: event.currentTarget.value || undefined })}
          >
            <option value="">{t.currencyNone}</option>
            {countries(tag).map(({ code, name }) => (
              <option key={code} value={code}>
                {name}
              </option>
            ))}
          </select>
        </div>
      )}
      {faults.length > 0 && (
        <>
          <p class="note">{t.faultsNote}</p>
          <Limited items={faults} first={20} step={100} more={t.more}>
            {(shown) => (
              <ul class="faults">
                {shown.map((fault, at) => (
                  <li key={String(at)} data-row tabIndex={-1}>
                    <strong>
                      <bdi>{placeText(fault.place)}</bdi>:
                    </strong>{" "}
                    {faultText(fault)}
                  </li>
                ))}
              </ul>
            )}
          </Limited>
          <button
            type="button"
            class="text-btn"
            onClick={() =>
              saveFile(
                t.faultsFile,
                "text/plain;charset=utf-8",
                faults.map((fault) => `${placeText(fault.place)}: ${faultText(fault)}\r\n`).join(""),
              )
            }
          >
            {t.faultsSave}
          </button>
        </>
      )}
    </section>
  );
}
