import type { ComponentChildren } from "preact";
import { words } from "../locales/words.ts";
import { Heading } from "../parts/heading.tsx";
import { Outline } from "../parts/outline.tsx";
import type { StoreView } from "../vault/vault.ts";
import { Entrance } from "./entrance.tsx";
import { UnlockPanel } from "./unlock-panel.tsx";
import { useVault } from "./vault-context.ts";

/** A page that needs the open store. `locked`: what can be done there without a key. */
export function Opened(props: { title: string; locked?: ComponentChildren; children: (store: StoreView) => ComponentChildren }) {
  const vault = useVault();
  const store = vault.store.value;
  const state = vault.state.value;
  const t = words().state;
  return (
    <>
      <Heading>{state === "signed-out" ? t.signedOutTitle : props.title}</Heading>
      {state === "signed-out" ? (
        <>
          <p class="lead">{t.signedOutBody}</p>
          <Entrance title={t.beginTitle} body={t.beginBody} />
          <a class="text-btn" href="/restore">
            {t.sealedFile}
          </a>
        </>
      ) : state === "locked" ? (
        <>
          <UnlockPanel />
          {props.locked}
        </>
      ) : store === undefined ? (
        <Outline />
      ) : (
        props.children(store)
      )}
    </>
  );
}
