import { type Signal, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { words } from "../../locales/words.ts";

/** The file, by a button, dropped, or as a text that was copied. */
export function ChooseFile({ onFile }: { onFile: (file: Blob, name: string) => void }) {
  const t = words().imports;
  const input = useRef<HTMLInputElement>(null);
  const over = useSignal(false);
  const text = useSignal("");
  const take = (file: File | undefined): void => {
    if (file) onFile(file, file.name);
  };
  useDrop(take, over);
  return (
    <section class="narrow">
      <div class={over.value ? "drop over" : "drop"}>
        <input
          ref={input}
          hidden
          type="file"
          onChange={(event) => {
            take(event.currentTarget.files?.[0]);
            // The same file, mended, is chosen again.
            event.currentTarget.value = "";
          }}
        />
        <button type="button" class="btn" onClick={() => input.current?.click()}>
          {t.choose}
        </button>
        <span class="note">{t.drop}</span>
      </div>
      <p class="note">{t.formats}</p>
      <details>
        <summary>{t.help}</summary>
        <dl class="help">
          {t.helpFor.map(({ name, text: how }) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{how}</dd>
            </div>
          ))}
        </dl>
        <p class="note">{t.excel}</p>
      </details>
      <details>
        <summary>{t.paste}</summary>
        <form
          onSubmit={(event) => {
            event.preventDefault();
            if (text.value.trim() !== "") onFile(new Blob([text.value]), t.pasted);
          }}
        >
          <div class="field">
            <label for="pasted">{t.pasteLabel}</label>
            <textarea
              id="pasted"
              value={text.value}
              onInput={(event) => {
                text.value = event.currentTarget.value;
              }}
            />
          </div>
          <button type="submit" class="btn">
            {t.pasteRead}
          </button>
        </form>
      </details>
    </section>
  );
}

/** Anywhere on the page: beside the box, a browser would leave the page for the file. */
function useDrop(take: (file: File | undefined) => void, over: Signal<boolean>): void {
  const latest = useRef(take);
  latest.current = take;
  useEffect(() => {
    const ended = new AbortController();
    const { signal } = ended;
    const on = (name: "dragover" | "dragleave" | "drop", isOver: boolean): void =>
      document.addEventListener(
        name,
        (event) => {
          event.preventDefault();
          over.value = isOver;
          if (name === "drop") latest.current(event.dataTransfer?.files[0]);
        },
        { signal },
      );
    on("dragover", true);
    on("dragleave", false);
    on("drop", false);
    return () => ended.abort();
  }, [over]);
}
