import { useSignal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import { words } from "../locales/words.ts";
import { useAction } from "../parts/action.ts";
import { codeOf, ErrorState, reasonOf } from "../parts/error-state.tsx";
import { PasskeyNote } from "../parts/passkey-note.tsx";
import { say } from "../parts/status.tsx";
import type { Kit, StoreView } from "../vault/vault.ts";
import { CodeField } from "./code-field.tsx";
import { KitSheet } from "./kit-sheet.tsx";
import { useVault } from "./vault-context.ts";

/** From no kit to a kit in force: made, kept, and two of its groups typed back from where it was kept. */
export function KitMaker({ store, onDone }: { store: StoreView; onDone: () => void }) {
  const vault = useVault();
  const { safety: t, state } = words();
  const kit = useSignal<Kit | undefined>(undefined);
  const replacing = useSignal(false);
  const old = useSignal("");
  const make = useAction(async (code?: string) => {
    kit.value = await vault.makeKit(code);
  });
  if (kit.value)
    return (
      <KitCheck
        kit={kit.value}
        onDone={() => {
          kit.value = undefined;
          replacing.value = false;
          old.value = "";
          onDone();
        }}
      />
    );
  if (!store.kit.confirmed)
    return (
      <>
        <p>{t.kitNone}</p>
        <div class="row-of-buttons">
          <button type="button" class="btn" onClick={() => make.run()}>
            {t.kitMake}
          </button>
        </div>
        <ErrorState error={make.error.value} safe={state.safe} />
      </>
    );
  return (
    <>
      <p>{t.kitTested}</p>
      {replacing.value ? (
        <form
          noValidate
          onSubmit={(event) => {
            event.preventDefault();
            make.run(old.value);
          }}
        >
          <p class="note">{t.kitReplaceNote}</p>
          <CodeField
            label={t.kitOld}
            value={old}
            fault={codeOf(make.error.value) === "wrong_kit" && make.error.value ? reasonOf(make.error.value) : undefined}
          />
          <div class="row-of-buttons">
            <button type="submit" class="btn">
              {t.kitNext}
            </button>
          </div>
          <p class="note">{t.kitLost}</p>
          {codeOf(make.error.value) !== "wrong_kit" && <ErrorState error={make.error.value} safe={state.safe} />}
        </form>
      ) : (
        <button
          type="button"
          class="text-btn"
          onClick={() => {
            replacing.value = true;
          }}
        >
          {t.kitReplace}
        </button>
      )}
    </>
  );
}

function KitCheck({ kit, onDone }: { kit: Kit; onDone: () => void }) {
  const vault = useVault();
  const { safety: t, handshake, state } = words();
  const hidden = useSignal(false);
  const first = useSignal("");
  const second = useSignal("");
  const start = useRef<HTMLParagraphElement>(null);
  useLayoutEffect(() => start.current?.focus(), [hidden.value]);
  const confirm = useAction(async () => {
    await vault.confirmKit([first.value, second.value]);
    say(t.kitDone);
    onDone();
  });
  const [a, b] = kit.ask;
  const wrong =
    confirm.error.value !== undefined && codeOf(confirm.error.value) === "wrong_groups" ? reasonOf(confirm.error.value) : undefined;
  if (!hidden.value)
    return (
      <>
        <p ref={start} tabIndex={-1} class="soon">
          {t.kitOnce}
        </p>
        <KitSheet kit={kit} />
        <div class="row-of-buttons">
          <button
            type="button"
            class="btn"
            onClick={() => {
              hidden.value = true;
            }}
          >
            {t.kitHide}
          </button>
        </div>
      </>
    );
  return (
    <form
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        confirm.run();
      }}
    >
      <h3>{t.kitCheck}</h3>
      <p ref={start} tabIndex={-1}>
        {t.kitCheckText(a + 1, b + 1)}
      </p>
      <CodeField label={t.kitGroup(a + 1)} value={first} fault={wrong} />
      <CodeField label={t.kitGroup(b + 1)} value={second} fault={wrong} />
      <div class="row-of-buttons">
        <button type="submit" class="btn">
          {t.kitConfirm}
        </button>
        <button
          type="button"
          class="text-btn"
          onClick={() => {
            hidden.value = false;
          }}
        >
          {t.kitShow}
        </button>
      </div>
      <PasskeyNote text={handshake.use} pending={confirm.pending.value} />
      {wrong === undefined && <ErrorState error={confirm.error.value} safe={state.safe} />}
    </form>
  );
}
