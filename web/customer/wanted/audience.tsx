import { words } from "../../locales/words.ts";
import type { VendorView } from "../../vault/vault.ts";

interface Props {
  vendors: readonly VendorView[];
  /** Client ids. */
  chosen: readonly string[];
  fault: string | undefined;
  onChange: (chosen: string[]) => void;
}

const hostOf = (clientId: string): string => {
  try {
    return new URL(clientId).hostname;
  } catch {
    return clientId;
  }
};

/** The shops that a wish may be for: a note that tells them nothing. A blocked one isn't offered; one that was ticked can be unticked. */
export function Audience({ vendors, chosen, fault, onChange }: Props) {
  const { wanted: t } = words();
  const known = vendors.filter((each) => each.card.view !== "blocked" || chosen.includes(each.client_id));
  const rows = [
    ...[...known].sort((a, b) => a.name.localeCompare(b.name)).map(({ client_id: id, name }) => ({ id, name })),
    ...chosen.filter((id) => !known.some((each) => each.client_id === id)).map((id) => ({ id, name: t.forgotten(hostOf(id)) })),
  ];
  if (rows.length === 0) return null;
  return (
    <details open={fault !== undefined || undefined}>
      <summary>
        {t.audience} <span class="opt">({t.audienceCount(chosen.length)})</span>
      </summary>
      <fieldset aria-describedby="audience-note">
        <legend class="vh">{t.audience}</legend>
        <p class="note" id="audience-note">
          {t.audienceNote}
        </p>
        {rows.map(({ id, name }) => (
          <label class="choice" key={id}>
            <input
              type="checkbox"
              checked={chosen.includes(id)}
              aria-invalid={fault === undefined ? undefined : true}
              onChange={(event) => onChange(event.currentTarget.checked ? [...chosen, id] : chosen.filter((each) => each !== id))}
            />
            <bdi>{name}</bdi>
          </label>
        ))}
      </fieldset>
      {fault && <p class="err">{fault}</p>}
    </details>
  );
}
