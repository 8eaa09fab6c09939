import { useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect } from "preact/hooks";
import { words } from "../../locales/words.ts";
import { Heading } from "../../parts/heading.tsx";
import { Notice } from "../../parts/notice.tsx";
import { useNow } from "../../parts/now.ts";
import { ConnectionStub } from "../connection-stub.tsx";
import { useVault } from "../vault-context.ts";
import { filterWords } from "./filter-words.ts";
import { leave } from "./leave.ts";

/** The code that the shop waits for is good for a minute. */
const GO_ON = 40_000;

/** The receipt (C11), seen before the shop goes on. */
export function AskReceipt({ grant, name, redirect, changed }: { grant: string; name: string; redirect: string; changed: boolean }) {
  const vault = useVault();
  const { ask: t } = words();
  const now = useNow().value;
  const staying = useSignal(false);
  // From the foot of a long request: what was shared is to be seen first.
  useLayoutEffect(() => scrollTo(0, 0), []);
  useEffect(() => {
    if (staying.value) return undefined;
    const timer = setTimeout(() => leave(redirect), GO_ON);
    return () => clearTimeout(timer);
  }, [redirect, staying, staying.value]);
  const store = vault.store.value;
  const connection = store?.connections.find((each) => each.grant === grant);
  return (
    <article class="narrow" data-rule="C11">
      <Heading key="receipt">{changed ? t.change.receiptTitle(name) : t.receiptTitle(name)}</Heading>
      <p class="lead" role="status">
        {changed && connection?.state === "paused" ? t.change.stillPaused : t.receiptWhere}
      </p>
      {connection && <ConnectionStub connection={connection} now={now} fresh actions={false} />}
      {connection?.details.map(
        ({ filter }, at) =>
          filter && (
            <p key={at}>
              {t.only} {filterWords(filter).join("; ")}
            </p>
          ),
      )}
      <div class="row-of-buttons">
        <button type="button" class="btn" onClick={() => leave(redirect)}>
          {t.goOn(name)}
        </button>
        {!staying.value && (
          <button
            type="button"
            class="text-btn"
            onClick={() => {
              staying.value = true;
            }}
          >
            {t.stay}
          </button>
        )}
      </div>
      <p class="note" role="status">
        {staying.value ? t.stayed : t.goOnSoon}
      </p>
      {store && !store.kit.confirmed && (
        <div class="group">
          <Notice tone="brass">
            <p>{t.kitLater}</p>
            {staying.value && <a href="/safety#kit">{words().state.kitAction}</a>}
          </Notice>
        </div>
      )}
      {staying.value && (
        <a class="text-btn" href="/">
          {t.toConnections}
        </a>
      )}
    </article>
  );
}
