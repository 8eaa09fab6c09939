import { useSignal } from "@preact/signals";
import { useEffect, useId, useRef } from "preact/hooks";
import type { Recipient } from "#protocol/data/purchases.ts";
import { words } from "../../locales/words.ts";
import { useVault } from "../vault-context.ts";
import { type Bought, FOR_WHOM } from "./bought.ts";
import { decisionsOf } from "./decisions.ts";
import { detailsLine, hintWords, recipientWord } from "./labels.ts";
import { alike, keysOf, type Likeness, recipientOf } from "./sorting.ts";

/**
 * One purchase after another, with a key for each answer. The keys work only while the focus is in the box (WCAG 2.1.4). Hints stand
 * beside it and choose nothing.
 */
export function SortBox({ all, queue }: { all: readonly Bought[]; queue: readonly string[] }) {
  const vault = useVault();
  const { purchases: t } = words();
  const decisions = decisionsOf(vault);
  const id = useId();
  const box = useRef<HTMLElement>(null);
  const at = useSignal(0);
  const later = useSignal<ReadonlySet<string>>(new Set());
  const scope = useSignal<"this" | Likeness>("this");
  const told = useSignal("");

  const places = new Map(all.map((each) => [each.path, each]));
  const isLeft = (path: string): boolean => places.get(path)?.value.recipient === "unknown";
  const left = queue.filter(isLeft);
  const current = places.get(queue[at.value] ?? "");
  const groups =
    current === undefined ? [] : alike(current, left.includes(current.path) ? left.map((path) => places.get(path) as Bought) : []);
  const group = groups.find(({ by }) => by === scope.value);

  useEffect(() => box.current?.focus({ preventScroll: true }), []);
  // The answers, of which one had the focus, are gone.
  const over = current === undefined;
  useEffect(() => {
    if (over) box.current?.focus({ preventScroll: true });
  }, [over]);
  // Whoever leaves has decided.
  useEffect(() => {
    const leave = () => document.visibilityState === "hidden" && decisions.flush();
    document.addEventListener("visibilitychange", leave);
    return () => {
      document.removeEventListener("visibilitychange", leave);
      decisions.flush();
    };
  }, [decisions]);

  const go = (to: number) => {
    at.value = to;
    scope.value = "this";
  };
  /** The next one that waits for an answer, after the one that is shown, then from the start. */
  const next = (settled: ReadonlySet<string>, put: ReadonlySet<string> = later.value): void => {
    const waits = (path: string): boolean => isLeft(path) && !settled.has(path) && !put.has(path);
    const after = queue.findIndex((path, place) => place > at.value && waits(path));
    const first = queue.findIndex(waits);
    go(after >= 0 ? after : first >= 0 ? first : queue.length);
  };
  const decide = (recipient: Recipient) => {
    if (current === undefined) return;
    if (recipient === "unknown") {
      if (!isLeft(current.path)) decisions.decide([current.path], "unknown");
      later.value = new Set([...later.value, current.path]);
      told.value = "";
      next(new Set(), later.value);
      return;
    }
    const paths = (group?.all ?? [current]).map(({ path }) => path);
    decisions.decide(paths, recipient);
    later.value = new Set([...later.value].filter((path) => !paths.includes(path)));
    told.value =
      paths.length === 1 ? t.sort.set(current.value.item, recipientWord(recipient)) : t.sort.setAll(paths.length, recipientWord(recipient));
    next(new Set(paths));
  };
  const undo = () => {
    const paths = decisions.undo();
    const place = queue.findIndex((path) => paths.includes(path));
    const name = places.get(paths[0] ?? "")?.value.item;
    if (name !== undefined) told.value = t.sort.undone(name);
    if (place >= 0) go(place);
  };
  const step = (by: number) => go(Math.min(queue.length - 1, Math.max(0, at.value + by)));
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    // The arrows of the radio buttons are theirs.
    const isRadio = event.target instanceof HTMLInputElement;
    if (event.key === "ArrowRight" && !isRadio) step(1);
    else if (event.key === "ArrowLeft" && !isRadio) step(-1);
    else if (event.key.toUpperCase() === "U") undo();
    else {
      const recipient = recipientOf(event.key);
      if (recipient === undefined) return;
      decide(recipient);
    }
    event.preventDefault();
  };
  const hints = current === undefined ? [] : hintWords(current.value);
  const line = current === undefined ? "" : `${current.value.item}. ${detailsLine(current.value)}`;
  return (
    <section
      ref={box}
      class="panel sort-box"
      tabIndex={-1}
      aria-labelledby={`${id}-left`}
      aria-describedby={`${id}-keys`}
      onKeyDown={onKeyDown}
    >
      <p class="meta">
        <strong id={`${id}-left`}>{t.sort.left(left.length)}</strong>
        {current !== undefined && <span>{t.sort.which(at.value + 1, queue.length)}</span>}
      </p>
      <progress value={queue.length - left.length} max={queue.length} aria-labelledby={`${id}-left`} />
      <p class="vh" role="status">
        {[told.value, line === "" ? "" : `${t.sort.left(left.length)}. ${line}`, hints.length > 0 && `${t.sort.hints} ${hints.join(", ")}`]
          .filter(Boolean)
          .join(" ")}
      </p>
      {current === undefined ? (
        <>
          <p class="item-name">{left.length === 0 ? t.sort.done : t.sort.doneLater(left.length)}</p>
          {left.length > 0 && (
            <button
              type="button"
              class="btn"
              onClick={() => {
                later.value = new Set();
                next(new Set(), later.value);
                box.current?.focus({ preventScroll: true });
              }}
            >
              {t.sort.again}
            </button>
          )}
        </>
      ) : (
        <>
          <div class="item-shown">
            <p class="item-name">{current.value.item}</p>
            <p class="note">{detailsLine(current.value)}</p>
            {hints.length > 0 && (
              <p class="hint">
                {t.sort.hints} <strong>{hints.join(", ")}</strong>
              </p>
            )}
            {!isLeft(current.path) && <p class="note">{t.sort.decided(recipientWord(current.value.recipient))}</p>}
          </div>
          <p class="ask" id={`${id}-ask`}>
            {t.sort.question}
          </p>
          <fieldset class="answers" aria-labelledby={`${id}-ask`}>
            {FOR_WHOM.map((each) => (
              <button
                key={each}
                type="button"
                class="btn"
                aria-pressed={each !== "unknown" && current.value.recipient === each}
                onClick={() => decide(each)}
              >
                <span>{each === "unknown" ? t.sort.later : recipientWord(each)}</span>
                <span class="key" aria-hidden="true">
                  {keysOf(each).join(" ")}
                </span>
              </button>
            ))}
          </fieldset>
          {groups.length > 0 && (
            <fieldset class="same">
              <legend>{t.sort.same}</legend>
              <div class="choices">
                {(["this", ...groups.map(({ by }) => by)] as const).map((by) => (
                  <label class="choice" key={by}>
                    <input
                      type="radio"
                      name={`${id}-scope`}
                      checked={scope.value === by}
                      onChange={() => {
                        scope.value = by;
                      }}
                    />
                    {by === "this" ? t.sort.this : t.sort.alike[by](groups.find((each) => each.by === by)?.all.length ?? 0)}
                  </label>
                ))}
              </div>
            </fieldset>
          )}
        </>
      )}
      <p class="told" aria-hidden="true">
        {told.value}
      </p>
      <div class="choices">
        <button type="button" class="text-btn" aria-disabled={!decisions.undoable.value || undefined} onClick={undo}>
          {t.sort.undo}{" "}
          <span class="key" aria-hidden="true">
            U
          </span>
        </button>
        <button type="button" class="text-btn" onClick={() => step(-1)}>
          {t.sort.previous}{" "}
          <span class="key" aria-hidden="true">
            ←
          </span>
        </button>
        <button type="button" class="text-btn" onClick={() => step(1)}>
          {t.sort.next}{" "}
          <span class="key" aria-hidden="true">
            →
          </span>
        </button>
      </div>
      <p class="note keys" id={`${id}-keys`}>
        {t.sort.keys} {t.sort.keysWhere}
      </p>
    </section>
  );
}
