import { useEffect } from "preact/hooks";
import { words } from "../../locales/words.ts";
import { day } from "../../parts/dates.ts";
import { serial } from "../../parts/stub.tsx";
import type { ConnectionView, DeletionView } from "../../vault/vault.ts";
import { useVault } from "../vault-context.ts";
import { DeletionLine, Quote, Remains } from "./deletion-line.tsx";

/** A shop that hears of it at once answers within moments: after how many milliseconds to look for it. */
const LOOKS = [1500, 5000, 20_000, 60_000];

/** Shows the shop's answer to whoever stays to see it. */
function useAnswer(awaited: boolean): void {
  const vault = useVault();
  useEffect(() => {
    const looks = awaited ? LOOKS.map((after) => setTimeout(() => void vault.refresh().catch(() => undefined), after)) : [];
    return () => looks.forEach(clearTimeout);
  }, [awaited, vault]);
}

/** What became of what the shop had read: how far its deletion is, in its own words as quotes, and what can be done. */
export function Deletion({ connection, deletion }: { connection: ConnectionView; deletion: DeletionView }) {
  const { tag, connection: all, deletion: short } = words();
  const t = all.deletion;
  const { state, reason, since, at, did, remains, statement } = deletion;
  const name = connection.client.client_name;
  useAnswer(state === "waiting");
  return (
    <section class="panel" data-rule="deletion">
      <h2>{t.title}</h2>
      <p>{t.reasons[reason](name, day(tag, since))}</p>
      {state === "kept" ? (
        <>
          <p>
            <strong>{at === null ? short.kept : t.keptOn(day(tag, at))}</strong>
          </p>
          <ul class="points">
            {remains.map((each, index) => (
              <li key={index}>
                <Remains of={each} />
                {each.until === null && `, ${t.noDay}`}
                {each.note !== null && (
                  <>
                    {": "}
                    <Quote text={each.note} />
                  </>
                )}
              </li>
            ))}
          </ul>
        </>
      ) : (
        <p>
          <strong>
            <DeletionLine deletion={deletion} />
          </strong>
        </p>
      )}
      {did.length > 0 && (
        <>
          <p class="note">{t.did}</p>
          <ul>
            {did.map((each, index) => (
              <li key={index}>
                <Quote text={each} />
              </li>
            ))}
          </ul>
        </>
      )}
      {statement !== null && (
        <blockquote lang="" dir="auto">
          “{statement}”
        </blockquote>
      )}
      {(state === "confirmed" || state === "kept") && <p class="note">{t.word}</p>}
      {(state === "waiting" || state === "overdue") && <Told connection={connection} told={deletion.told} />}
      {(state === "overdue" || state === "kept") && (
        <p>
          {state === "overdue" ? t.overdueHelp(serial(connection.number)) : t.keptHelp} <a href="#contact">{t.contact}</a>
        </p>
      )}
    </section>
  );
}

function Told({ connection: { stream }, told }: { connection: ConnectionView; told: string | null }) {
  const { tag, connection: all } = words();
  const t = all.deletion;
  if (told !== null) return <p class="note">{t.told(day(tag, told))}</p>;
  return <p class={stream === "stopped" ? "soon" : "note"}>{t.notTold[stream]}</p>;
}

/** Whether the shop hears of a change at once; nothing where it does. */
export function Hears({ stream }: { stream: ConnectionView["stream"] }) {
  const { connection: t } = words();
  if (stream === "live") return null;
  return <p class={stream === "stopped" ? "soon" : "note"}>{t.hears[stream]}</p>;
}
