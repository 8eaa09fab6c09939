import type { Signal } from "@preact/signals";

/** What is shown only once is left only by saying that it was kept. */
export function Kept(props: { kept: Signal<boolean>; word: string; done: string; blocked: string; onDone: () => void }) {
  const { kept, onDone } = props;
  return (
    <>
      <label class="choice">
        <input
          type="checkbox"
          checked={kept.value}
          onChange={(event) => {
            kept.value = event.currentTarget.checked;
          }}
        />
        {props.word}
      </label>
      <div class="row-of-buttons">
        <button type="button" class="btn" aria-disabled={!kept.value || undefined} onClick={() => kept.value && onDone()}>
          {kept.value ? props.done : props.blocked}
        </button>
      </div>
    </>
  );
}
