import { useSignal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import { words } from "../locales/words.ts";
import { useAction } from "../parts/action.ts";
import { codeOf, ErrorState, reasonOf } from "../parts/error-state.tsx";
import { PasskeyNote } from "../parts/passkey-note.tsx";
import type { Kit, WayView } from "../vault/vault.ts";
import { CodeField } from "./code-field.tsx";
import { Kept } from "./kept.tsx";
import { KitSheet } from "./kit-sheet.tsx";
import { useVault } from "./vault-context.ts";
import { wayDates, wayName } from "./ways.tsx";

/** What is said where none of the old ways in can open anything at this address. */
interface DropAll {
  readonly title: string;
  readonly text: string;
}

/**
 * From a kit's code to an open store: the code, a choice for every old way in (or, with `dropAll`, none), a passkey here, a new kit that was
 * kept.
 */
export function RecoverFlow({ onDone, dropAll }: { onDone: () => void; dropAll?: DropAll }) {
  const vault = useVault();
  const t = words().recover;
  const code = useSignal("");
  const state = useSignal("");
  const ways = useSignal<readonly WayView[] | undefined>(undefined);
  const kit = useSignal<Kit | undefined>(undefined);
  const short = useSignal<string | undefined>(undefined);
  const noNumber = useSignal(false);
  const open = useAction(async () => {
    // Without it, a server that went back in time could not be told from one that didn't.
    ways.value = (await vault.recover(code.value, numberOf(state.value))).ways;
  });
  if (kit.value) return <NewKit kit={kit.value} onDone={onDone} />;
  if (ways.value)
    return (
      <Review
        ways={ways.value}
        dropAll={dropAll}
        onKit={(made) => {
          kit.value = made;
        }}
      />
    );
  const wrong = open.error.value !== undefined && codeOf(open.error.value) === "wrong_kit" ? reasonOf(open.error.value) : undefined;
  return (
    <form
      noValidate
      class="panel narrow"
      onSubmit={(event) => {
        event.preventDefault();
        const length = code.value.replace(/[^A-Za-z0-9]/g, "").length;
        short.value = length === 32 ? undefined : t.codeShort(length);
        noNumber.value = Number.isNaN(numberOf(state.value));
        open.clear();
        if (length === 32 && !noNumber.value) open.run();
        else event.currentTarget.querySelectorAll("input")[length === 32 ? 1 : 0]?.focus();
      }}
    >
      <CodeField label={t.code} hint={t.codeHint} value={code} fault={short.value ?? wrong} />
      <CodeField
        label={t.state}
        hint={noNumber.value ? undefined : t.stateHint}
        value={state}
        fault={noNumber.value ? t.stateHint : undefined}
      />
      <div class="row-of-buttons">
        <button type="submit" class="btn">
          {t.open}
        </button>
      </div>
      {wrong === undefined && <ErrorState error={open.error.value} safe={words().state.safe} />}
    </form>
  );
}

/** Undefined where nothing was typed, NaN where it is no number: then nothing is opened without it in silence. */
function numberOf(typed: string): number | undefined {
  const digits = typed.replace(/[\s.,№]/g, "");
  if (digits === "") return undefined;
  return /^\d{1,15}$/.test(digits) ? Number(digits) : Number.NaN;
}

function Review({ ways, dropAll, onKit }: { ways: readonly WayView[]; dropAll: DropAll | undefined; onKit: (kit: Kit) => void }) {
  const vault = useVault();
  const { recover: t, handshake } = words();
  const chosen = useSignal<Record<string, "keep" | "remove">>({});
  const incomplete = useSignal(false);
  const title = useRef<HTMLHeadingElement>(null);
  useLayoutEffect(() => title.current?.focus(), []);
  const old = ways.filter((way) => way.kind !== "kit");
  const asked = dropAll === undefined ? old : [];
  const finish = useAction(async () => {
    onKit(
      await vault.finishRecovery({
        drop: old.filter((way) => dropAll !== undefined || chosen.value[way.id] === "remove").map((way) => way.id),
      }),
    );
  });
  return (
    <form
      noValidate
      class="panel narrow"
      onSubmit={(event) => {
        event.preventDefault();
        incomplete.value = asked.some((way) => chosen.value[way.id] === undefined);
        if (incomplete.value) event.currentTarget.querySelector<HTMLElement>("fieldset:not(:has(:checked)) input")?.focus();
        else finish.run();
      }}
    >
      <h2 ref={title} tabIndex={-1}>
        {dropAll?.title ?? t.ways}
      </h2>
      <p>{dropAll?.text ?? (old.length === 0 ? t.waysNone : t.waysLead)}</p>
      {asked.map((way) => (
        <fieldset class="field" key={way.id} aria-describedby={incomplete.value ? "choose-each" : undefined}>
          <legend>{wayName(way, old)}</legend>
          {wayDates(way) && <p class="note">{wayDates(way)}</p>}
          <div class="choices">
            {(["keep", "remove"] as const).map((answer) => (
              <label class="choice" key={answer}>
                <input
                  type="radio"
                  name={`way-${way.id}`}
                  checked={chosen.value[way.id] === answer}
                  onChange={() => {
                    chosen.value = { ...chosen.value, [way.id]: answer };
                  }}
                />
                {t[answer]}
              </label>
            ))}
          </div>
        </fieldset>
      ))}
      {incomplete.value && (
        <p class="err" id="choose-each" role="alert">
          {t.chooseEach}
        </p>
      )}
      <div class="row-of-buttons">
        <button type="submit" class="btn">
          {t.next}
        </button>
      </div>
      <PasskeyNote text={`${handshake.use} ${t.nextNote}`} pending={finish.pending.value} />
      <ErrorState error={finish.error.value} />
    </form>
  );
}

function NewKit({ kit, onDone }: { kit: Kit; onDone: () => void }) {
  const t = words().recover;
  const kept = useSignal(false);
  const title = useRef<HTMLHeadingElement>(null);
  useLayoutEffect(() => title.current?.focus(), []);
  return (
    <section class="panel narrow">
      <h2 ref={title} tabIndex={-1}>
        {t.newKit}
      </h2>
      <p class="soon">{t.newKitText}</p>
      <KitSheet kit={kit} />
      <Kept kept={kept} word={t.kept} done={t.finish} blocked={t.finishBlocked} onDone={onDone} />
    </section>
  );
}
