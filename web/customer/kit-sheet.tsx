import lazy, { ErrorBoundary } from "preact-iso/lazy";
import { words } from "../locales/words.ts";
import { saveFile } from "../parts/save-file.ts";
import type { Kit } from "../vault/vault.ts";

const Qr = lazy(() => import("../parts/qr.tsx"));

/** The kit as a sheet of paper, with how to keep it. */
export function KitSheet({ kit }: { kit: Kit }) {
  const { safety: t } = words();
  const code = kit.groups.join("-");
  const lines = [
    t.kitSheet,
    t.kitSheetText,
    code,
    kit.groups.map((group, at) => `${t.kitGroup(at + 1)}: ${group}`).join("\n"),
    t.head(kit.head.seq),
    t.headCode(kit.head.code),
    t.kitUse(`${location.origin}/safety/recover`),
  ];
  return (
    <>
      <div class="kit-sheet">
        <h3>{t.kitSheet}</h3>
        <p class="wide">{t.kitSheetText}</p>
        <ol class="groups" aria-label={t.kitGroups}>
          {kit.groups.map((group) => (
            <li key={group}>{group}</li>
          ))}
        </ol>
        <ErrorBoundary>
          <Qr text={code} label={t.kitQr} />
        </ErrorBoundary>
        <p class="wide">
          {t.head(kit.head.seq)}
          <br />
          {t.headCode(kit.head.code)}
          <br />
          {t.kitUse(`${location.origin}/safety/recover`)}
        </p>
      </div>
      <div class="row-of-buttons">
        <button type="button" class="btn" onClick={() => print()}>
          {t.kitPrint}
        </button>
        <button type="button" class="btn" onClick={() => saveFile("counterfoil-kit.txt", "text/plain", `${lines.join("\n\n")}\n`)}>
          {t.kitSave}
        </button>
      </div>
    </>
  );
}
