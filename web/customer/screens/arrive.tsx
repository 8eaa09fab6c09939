import { useSignal } from "@preact/signals";
import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { words } from "../../locales/words.ts";
import { useAction } from "../../parts/action.ts";
import { ErrorState } from "../../parts/error-state.tsx";
import { Heading } from "../../parts/heading.tsx";
import { AddressField } from "../address-field.tsx";
import { CodeField } from "../code-field.tsx";
import { otherOrigin } from "../origin-of.ts";
import { RecoverFlow } from "../recover-flow.tsx";
import { useVault } from "../vault-context.ts";

const CODE = /^[A-Za-z0-9_-]{43}$/;

/** The code is in the fragment, which no server and no referrer sees; it doesn't stay in the address either. */
function takeFragment(): { from: string; code: string } {
  const said = new URLSearchParams(location.hash.slice(1));
  history.replaceState(history.state, "", location.pathname);
  return { from: said.get("from") ?? "", code: said.get("code") ?? "" };
}

type Stage = "asking" | "left" | "opening" | "done";

export function Arrive() {
  const { arrive: t } = words();
  const said = useMemo(takeFragment, []);
  const stage = useSignal<Stage>("asking");
  const left = useSignal<readonly string[]>([]);
  if (stage.value === "done")
    return (
      <div class="narrow">
        <Heading key="done">{t.done}</Heading>
        <p class="lead">{t.doneText}</p>
        <div class="row-of-buttons">
          <a class="btn" href="/">
            {t.action}
          </a>
        </div>
      </div>
    );
  return (
    <div class="narrow">
      <Heading key="flow">{t.title}</Heading>
      {stage.value === "asking" && (
        <Bring
          said={said}
          onHere={(shops) => {
            left.value = shops;
            stage.value = shops.length > 0 ? "left" : "opening";
          }}
        />
      )}
      {stage.value === "left" && (
        <Left
          shops={left.value}
          onGoOn={() => {
            stage.value = "opening";
          }}
        />
      )}
      {stage.value === "opening" && (
        <>
          <Step>{t.kit}</Step>
          <p>{t.kitText}</p>
          <RecoverFlow
            dropAll={{ title: t.passkey, text: t.passkeyText }}
            onDone={() => {
              stage.value = "done";
            }}
          />
        </>
      )}
    </div>
  );
}

/** What comes next, read out by who can't see that the page has changed. */
function Step({ children }: { children: string }) {
  const title = useRef<HTMLHeadingElement>(null);
  useLayoutEffect(() => title.current?.focus(), []);
  return (
    <h2 ref={title} tabIndex={-1}>
      {children}
    </h2>
  );
}

function Bring({ said, onHere }: { said: { from: string; code: string }; onHere: (left: readonly string[]) => void }) {
  const vault = useVault();
  const { arrive: t } = words();
  const address = useSignal(said.from);
  const code = useSignal(said.code);
  const faults = useSignal<{ address?: string; code?: string }>({});
  const isWhole = otherOrigin(said.from) !== undefined && CODE.test(said.code);
  const bring = useAction(async () => {
    const from = otherOrigin(address.value);
    if (from !== undefined) onHere((await vault.arrive(from, code.value.trim())).left);
  });
  return (
    <form
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        const hasAddress = otherOrigin(address.value) !== undefined;
        const hasCode = CODE.test(code.value.trim());
        faults.value = { ...(hasAddress ? {} : { address: t.addressWrong }), ...(hasCode ? {} : { code: t.codeWrong }) };
        if (hasAddress && hasCode) bring.run();
        else event.currentTarget.querySelectorAll("input")[hasAddress ? 1 : 0]?.focus();
      }}
    >
      <p class="lead">{t.lead}</p>
      {isWhole ? (
        <p>{t.from(new URL(said.from).host)}</p>
      ) : (
        <>
          <AddressField label={t.address} value={address} fault={faults.value.address} />
          <CodeField label={t.code} hint={t.codeHint} value={code} fault={faults.value.code} />
        </>
      )}
      <div class="row-of-buttons">
        <button type="submit" class="btn">
          {t.begin}
        </button>
      </div>
      {bring.pending.value && <p role="status">{t.working}</p>}
      <ErrorState error={bring.error.value} safe={t.safe} />
    </form>
  );
}

function Left({ shops, onGoOn }: { shops: readonly string[]; onGoOn: () => void }) {
  const { arrive: t } = words();
  return (
    <>
      <Step>{t.left}</Step>
      <ul class="points">
        {shops.map((name) => (
          <li key={name}>
            <bdi>{name}</bdi>
          </li>
        ))}
      </ul>
      <p>{t.leftText}</p>
      <div class="row-of-buttons">
        <button type="button" class="btn" onClick={onGoOn}>
          {t.goOn}
        </button>
      </div>
    </>
  );
}
