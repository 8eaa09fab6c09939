import { useSignal } from "@preact/signals";
import { words } from "../locales/words.ts";
import { useAction } from "../parts/action.ts";
import { ErrorState } from "../parts/error-state.tsx";
import { say } from "../parts/status.tsx";
import type { OutlineView } from "../vault/vault.ts";
import { StopDialog } from "./stop-dialog.tsx";
import { useVault } from "./vault-context.ts";

/** Pause, resume and stop of a running connection. Pausing and stopping need no open store; resuming does. */
export function ConnectionActions({
  grant,
  state,
  name,
  large = false,
}: {
  grant: string;
  state: OutlineView["state"];
  name: string;
  large?: boolean;
}) {
  const vault = useVault();
  const t = words();
  const stopping = useSignal(false);
  const pause = useAction(async () => {
    await vault.pause(grant);
    say(t.stop.paused(name));
  });
  const resume = useAction(async () => {
    await vault.resume(grant);
    say(t.stop.resumed(name));
  });
  const look = large ? "btn" : "text-btn";
  return (
    <>
      {state === "active" && (
        <button type="button" class={look} aria-label={t.connections.pauseName(name)} onClick={pause.run}>
          {t.connections.pause}
        </button>
      )}
      {state === "paused" && vault.state.value === "unlocked" && (
        <button type="button" class={look} aria-label={t.connections.resumeName(name)} onClick={resume.run}>
          {t.connections.resume}
        </button>
      )}
      <button
        type="button"
        class={`${look} stop`}
        aria-label={t.connections.stopName(name)}
        onClick={() => {
          stopping.value = true;
        }}
      >
        {t.connections.stop}
      </button>
      <ErrorState error={pause.error.value ?? resume.error.value} />
      {stopping.value && (
        <StopDialog
          grant={grant}
          name={name}
          onClose={() => {
            stopping.value = false;
          }}
        />
      )}
    </>
  );
}
