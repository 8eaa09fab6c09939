import type { ComponentChildren } from "preact";
import { words } from "../../locales/words.ts";
import { ErrorState } from "../../parts/error-state.tsx";
import { useVault } from "../vault-context.ts";

/** Save and Cancel, and what failed. */
export function FormEnd(props: { pending: boolean; error: unknown; onCancel: () => void; children?: ComponentChildren }) {
  const online = useVault().online.value;
  const { vendors: t, state } = words();
  return (
    <>
      <div class="row-of-buttons">
        <button type={online ? "submit" : "button"} class="btn" aria-disabled={!online || undefined}>
          {online ? (props.pending ? t.saving : t.save) : t.offline}
        </button>
        {props.children}
        <button type="button" class="text-btn" onClick={props.onCancel}>
          {state.cancel}
        </button>
      </div>
      <ErrorState error={props.error} />
    </>
  );
}
