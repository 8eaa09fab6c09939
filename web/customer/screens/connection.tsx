import { type Signal, useSignal } from "@preact/signals";
import lazy, { ErrorBoundary } from "preact-iso/lazy";
import { useRoute } from "preact-iso/router";
import { isEnded } from "#protocol/grant.ts";
import { words } from "../../locales/words.ts";
import { Chips } from "../../parts/chips.tsx";
import { ago, day, moment } from "../../parts/dates.ts";
import { Limited } from "../../parts/limited.tsx";
import { Notice } from "../../parts/notice.tsx";
import { useNow } from "../../parts/now.ts";
import { serial } from "../../parts/stub.tsx";
import { Thread } from "../../parts/thread.tsx";
import type { ConnectionView } from "../../vault/vault.ts";
import { Deletion, Hears } from "../after/deletion.tsx";
import { earlierDays } from "../after/earlier-days.ts";
import { Events, endOf, firstGiven } from "../after/events.tsx";
import { ConnectionActions } from "../connection-actions.tsx";
import { chipsOf, OutlineStub, stampOf } from "../connection-stub.tsx";
import { chipOf } from "../labels.ts";
import { Opened } from "../opened.tsx";
import { Purpose } from "../purpose.tsx";
import { ReceiptPanel } from "../receipt-panel.tsx";
import { Terms } from "../terms.tsx";
import { useVault } from "../vault-context.ts";
import { Have } from "../vendors/have.tsx";
import { spaced } from "../vendors/shared.ts";
import { ShopCard } from "../vendors/shop-card.tsx";
import { Who } from "../who.tsx";
import { NotFound } from "./not-found.tsx";

/** Few ever take something away; it brings the forms of every kind. */
const LessForm = lazy(() => import("../after/less-form.tsx").then((it) => it.LessForm));

export function Connection() {
  const vault = useVault();
  const id = useRoute().params.id ?? "";
  const now = useNow().value;
  const t = words().connection;
  const connection = vault.store.value?.connections.find((each) => each.grant === id);
  const outline = vault.outline.value.find((each) => each.grant === id);
  if (vault.store.value !== undefined) return connection ? <Detail key={id} connection={connection} now={now} /> : <NotFound />;
  return (
    <Opened
      title={outline ? t.numbered(serial(outline.number)) : words().connections.title}
      locked={outline && <OutlineStub outline={outline} now={now} />}
    >
      {() => null}
    </Opened>
  );
}

function Detail({ connection, now }: { connection: ConnectionView; now: number }) {
  const { tag, connection: t, connections } = words();
  const { client, state } = connection;
  const ended = isEnded(state);
  const stamp = stampOf(state, connection.endedBy);
  const less = useSignal<Part | undefined>(undefined);
  const store = useVault().store.value;
  const vendor = store?.vendors.find((each) => each.relationship === connection.relationship);
  return (
    <article class="narrow">
      <p class="crumb no-print">
        <a href="/">{connections.title}</a>
      </p>
      <Who client={client} mark={connection.mark} title={client.client_name} />
      <p class="meta">
        <span class="no">№ {serial(connection.number)}</span>
        <span>{connections.states[ended && connection.endedBy === "vendor" ? "expired" : state]}</span>
        {vendor?.card.view === "blocked" && <span class="soon">{words().options.blocked}</span>}
      </p>
      {stamp && <p class={stamp.quiet ? "stamp quiet" : "stamp"}>{stamp.text}</p>}
      {connection.endedBy === "vendor" && ended && (
        <Notice tone="plain">
          <p>{t.shopEnded(client.client_name)}</p>
        </Notice>
      )}
      {connection.keyChangedAt && (
        <Notice tone="brass">
          <p>{t.keyChanged(day(tag, connection.keyChangedAt))}</p>
        </Notice>
      )}
      {connection.deletion ? (
        <Deletion connection={connection} deletion={connection.deletion} />
      ) : (
        connection.askedDeletion &&
        ended && (
          <Notice tone="plain">
            <p>{t.askedDeletion(client.client_name)}</p>
          </Notice>
        )
      )}
      <h2>{t.purpose}</h2>
      {connection.details.map((each, at) => (
        <Purpose key={at} detail={each} />
      ))}
      <Chips label={t.have} items={chipsOf(connection)} />
      {!ended && (
        <section class="no-print">
          <div class="row-of-buttons">
            <ConnectionActions grant={connection.grant} state={state} name={client.client_name} large />
            <LessButton of="things" open={less} />
            {earlierDays(connection.expires, now) && <LessButton of="end" open={less} />}
          </div>
          <p class="note">{t.pauseNote}</p>
          {less.value !== undefined && store && (
            <ErrorBoundary>
              <LessForm
                key={less.value}
                of={less.value}
                connection={connection}
                store={store}
                now={now}
                onClose={() => {
                  less.value = undefined;
                }}
              />
            </ErrorBoundary>
          )}
        </section>
      )}
      <Timeline connection={connection} now={now} />
      <Have connection={connection} />
      {vendor && store && <ShopCard store={store} vendor={vendor} />}
      <h2>{t.facts}</h2>
      {connection.details.map((each, at) => (
        <Terms key={at} detail={each} />
      ))}
      {!ended && <Hears stream={connection.stream} />}
      <section data-rule="D10">
        <h2>{t.cannotTitle}</h2>
        <p>{t.cannot(client.client_name)}</p>
      </section>
      <Contact connection={connection} />
      <ReceiptPanel grant={connection.grant} />
    </article>
  );
}

type Part = "things" | "end";

/** Opens what takes something away; pressed again, closes it. */
function LessButton({ of, open }: { of: Part; open: Signal<Part | undefined> }) {
  const { less: t } = words().connection;
  return (
    <button
      type="button"
      class="btn"
      aria-expanded={open.value === of}
      onClick={() => {
        open.value = open.value === of ? undefined : of;
      }}
    >
      {of === "end" ? t.endTitle : t.title}
    </button>
  );
}

/** Readings in the table, and places for them on the line. */
const AT_FIRST = 20;
const STEP = 100;
const SLOTS = 60;

function Timeline({ connection, now }: { connection: ConnectionView; now: number }) {
  const { tag, connection: t } = words();
  const from = Date.parse(firstGiven(connection));
  const over = endOf(connection);
  const to = Date.parse(over ?? connection.expires);
  const changes = connection.consents.slice(1).map((each) => Date.parse(each.at));
  const reads = [...connection.reads].sort((a, b) => b.at.localeCompare(a.at));
  return (
    <section data-rule="D3">
      <h2>{t.thread}</h2>
      <Thread
        from={from}
        to={to}
        now={now}
        ended={over !== undefined}
        reads={spaced(
          reads.map((each) => Date.parse(each.at)),
          from,
          to,
          SLOTS,
        )}
        changes={changes}
        label={t.threadText(day(tag, from), day(tag, to), reads.length, changes.length)}
      />
      <p class="thread-ends" aria-hidden="true">
        <span>
          {t.given} {day(tag, from)}
        </span>
        <span>
          {over === undefined ? t.ends : t.ended} {day(tag, to)}
        </span>
      </p>
      <Events connection={connection} />
      <h3 id="reads">{t.reads}</h3>
      {reads.length === 0 ? (
        <p class="note">{t.none}</p>
      ) : (
        <Limited items={inRuns(reads)} first={AT_FIRST} step={STEP} more={t.more}>
          {(shown) => (
            <table aria-labelledby="reads">
              <thead>
                <tr>
                  <th scope="col">{t.when}</th>
                  <th scope="col">{t.what}</th>
                  <th scope="col">{t.result}</th>
                  <th scope="col" class="roomy">
                    {t.key}
                  </th>
                </tr>
              </thead>
              <tbody>
                {shown.map(({ read, times }) => (
                  <tr key={read.at} data-row tabIndex={-1}>
                    <td title={ago(tag, read.at, now)}>{moment(tag, read.at)}</td>
                    <td>{[...new Set(read.paths.map(chipOf))].join(", ")}</td>
                    <td>{read.count === 0 ? t.nothingNew(times) : t.sent(read.count)}</td>
                    <td class="roomy">
                      <code>{read.key.slice(0, 8)}</code>
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          )}
        </Limited>
      )}
      {reads.length > 0 && <p class="note roomy">{t.keyNote}</p>}
    </section>
  );
}

type Read = ConnectionView["reads"][number];

/** Lookups one after another that found nothing new, with one key, stand in one line with their number: they would hide what was sent. */
function inRuns(reads: readonly Read[]): { read: Read; times: number }[] {
  const runs: { read: Read; times: number }[] = [];
  for (const read of reads) {
    const run = runs.at(-1);
    if (run?.read.count === 0 && read.count === 0 && run.read.key === read.key) run.times += 1;
    else runs.push({ read, times: 1 });
  }
  return runs;
}

function Contact({ connection }: { connection: ConnectionView }) {
  const { connection: t } = words();
  const { dpo_contact: contact, policy_uri: policy, legal_name: name } = connection.client;
  const address = contact?.replace(/^mailto:/i, "") ?? "";
  return (
    <section>
      <h2 id="contact" tabIndex={-1}>
        {t.contact}
      </h2>
      <p>
        {name}:{" "}
        {contact === null ? (
          t.contactNone
        ) : contact.includes("@") ? (
          <a href={`mailto:${encodeURIComponent(address).replace("%40", "@")}`}>{address}</a>
        ) : (
          contact
        )}
      </p>
      {policy?.startsWith("https://") && (
        <p>
          <a href={policy} rel="noreferrer noopener" target="_blank">
            {t.policy}
          </a>
        </p>
      )}
      <p class="note">{t.authority}</p>
    </section>
  );
}
