import { words } from "../../locales/words.ts";
import { Heading } from "../../parts/heading.tsx";
import { Outline } from "../../parts/outline.tsx";
import { Entrance } from "../entrance.tsx";
import { UnlockPanel } from "../unlock-panel.tsx";
import { useVault } from "../vault-context.ts";

export function Start() {
  const vault = useVault();
  const { start: t, state } = words();
  if (vault.state.value === "loading") return <Outline />;
  if (vault.state.value === "unlocked")
    return (
      <div class="narrow">
        <Heading key="done">{t.doneTitle}</Heading>
        <p class="lead">{t.doneLead}</p>
        <div class="row-of-buttons">
          <a class="btn" href="/data">
            {t.data}
          </a>
          {!vault.store.value?.kit.confirmed && (
            <a class="btn" href="/safety">
              {t.kit}
            </a>
          )}
        </div>
        {!vault.store.value?.kit.confirmed && <p class="note">{t.kitText}</p>}
      </div>
    );
  return (
    <div class="narrow">
      <Heading key="start">{t.title}</Heading>
      <p class="lead">{t.lead}</p>
      <ul class="points">
        {t.points.map((point) => (
          <li key={point}>{point}</li>
        ))}
      </ul>
      {vault.state.value === "locked" ? (
        <UnlockPanel />
      ) : (
        <>
          <Entrance title={state.beginTitle} body={t.need} beginWord={t.begin} />
          <a class="text-btn" href="/restore">
            {state.sealedFile}
          </a>
        </>
      )}
    </div>
  );
}
