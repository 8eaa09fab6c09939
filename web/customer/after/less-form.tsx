import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { AuthorizationDetails } from "#protocol/authorization-details.ts";
import { DELETION_TIME } from "#protocol/deletion.ts";
import { words } from "../../locales/words.ts";
import { useAction } from "../../parts/action.ts";
import { day } from "../../parts/dates.ts";
import { say } from "../../parts/status.tsx";
import type { ConnectionView, StoreView } from "../../vault/vault.ts";
import { ChangeList } from "../change-list.tsx";
import { changesOf, isSame } from "../changes.ts";
import { Question } from "../question.tsx";
import { useVault } from "../vault-context.ts";
import { EarlierField } from "./earlier-field.tsx";
import { type Less, lessOf, NOTHING_LESS } from "./less.ts";
import { LessObject } from "./less-object.tsx";

interface Props {
  connection: ConnectionView;
  store: StoreView;
  now: number;
  /** What is changed: what they see, or until when. */
  of: "things" | "end";
  onClose: () => void;
}

/** Takes something away from a connection, for good: to share it again the shop has to ask. Needs no passkey, and asks once. */
export function LessForm({ connection, store, now, of, onClose }: Props) {
  const vault = useVault();
  const { tag, connection: all, state } = words();
  const t = all.less;
  const { grant, details, reads } = connection;
  const name = connection.client.client_name;
  const form = useRef<HTMLFormElement>(null);
  const less = useSignal<Less>(NOTHING_LESS);
  const asking = useSignal(false);
  useEffect(() => {
    form.current?.querySelector<HTMLElement>("input, select")?.focus();
  }, []);
  const next = lessOf(details, less.value);
  const changes = changesOf(details, next);
  const narrow = useAction(async (wanted: AuthorizationDetails) => {
    await vault.narrow(grant, wanted);
    asking.value = false;
    say(of === "end" ? t.endDone(name, day(tag, wanted[0]?.expires ?? "")) : t.done(name));
    onClose();
  });
  const reason = !vault.online.value
    ? t.offline
    : next.length === 0
      ? t.everything
      : isSame(changes)
        ? of === "end"
          ? t.noDay
          : t.same
        : undefined;
  const isTold = of === "things" && reads.length > 0;
  const text = [
    of === "end" ? t.endText(name, day(tag, next[0]?.expires ?? now)) : t.text(name),
    ...(isTold ? [t.deletes(name, day(tag, now + DELETION_TIME))] : []),
    t.noWayBack(name),
  ].join(" ");
  return (
    <form
      ref={form}
      class="panel"
      data-rule="S3"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        if (reason === undefined) asking.value = true;
      }}
    >
      <h2>{of === "end" ? t.endTitle : t.title}</h2>
      <p class="note">{of === "end" ? t.endLead : t.lead}</p>
      {of === "end" ? (
        <EarlierField
          expires={connection.expires}
          now={now}
          onChange={(end) => {
            less.value = { ...less.value, end };
          }}
        />
      ) : (
        details.map((detail, object) => (
          <LessObject
            key={object}
            object={object}
            detail={detail}
            several={details.length > 1}
            connection={connection}
            less={less.value}
            onChange={(changed) => {
              less.value = changed;
            }}
          />
        ))
      )}
      {of === "things" && !isSame(changes) && (
        <div aria-live="polite">
          <h3>{t.after}</h3>
          <ChangeList changes={changes} store={store} />
          <p class="note">{reads.length === 0 ? t.readNothing : t.deletes(name, day(tag, now + DELETION_TIME))}</p>
        </div>
      )}
      <div class="row-of-buttons">
        <button type="submit" class="btn" aria-disabled={reason !== undefined || undefined}>
          {reason ?? (of === "end" ? t.endTitle : t.title)}
        </button>
        <button type="button" class="text-btn" onClick={onClose}>
          {state.cancel}
        </button>
      </div>
      {asking.value && (
        <Question
          title={of === "end" ? t.endQuestion(name) : t.question(name)}
          text={text}
          keep={t.keep}
          yes={of === "end" ? t.endTitle : t.title}
          error={narrow.error.value}
          onYes={() => narrow.run(next)}
          onClose={() => {
            asking.value = false;
          }}
        />
      )}
    </form>
  );
}
