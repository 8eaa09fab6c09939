import { useSignal } from "@preact/signals";
import { useId, useRef } from "preact/hooks";
import { words } from "../../locales/words.ts";
import { useAction } from "../../parts/action.ts";
import { moment } from "../../parts/dates.ts";
import { codeOf, ErrorState, reasonOf } from "../../parts/error-state.tsx";
import type { ExportSummary } from "../../vault/vault.ts";
import { CodeField } from "../code-field.tsx";
import { useVault } from "../vault-context.ts";
import { type FileLook, lookAt } from "./sealed-file.ts";

/** The file and its code, until they open. What was typed stays, whatever comes of it. */
export function FileForm({ onOpened }: { onOpened: (summary: ExportSummary, again: () => Promise<unknown>) => void }) {
  const vault = useVault();
  const { tag, restore: t } = words();
  const id = useId();
  const form = useRef<HTMLFormElement>(null);
  const file = useSignal<File | undefined>(undefined);
  const look = useSignal<FileLook | undefined>(undefined);
  const missing = useSignal(false);
  const code = useSignal("");
  const short = useSignal<string | undefined>(undefined);
  const unreadable = useSignal(false);
  const open = useAction(async () => {
    if (file.value === undefined) return;
    let bytes: Uint8Array;
    try {
      bytes = new Uint8Array(await file.value.arrayBuffer());
    } catch {
      unreadable.value = true;
      return;
    }
    const again = () => vault.openExport(bytes, code.value);
    onOpened(await again(), again);
  });
  const choose = async (chosen: File | undefined) => {
    open.clear();
    missing.value = false;
    unreadable.value = false;
    file.value = chosen;
    const seen = chosen === undefined ? undefined : await lookAt(chosen);
    if (file.value === chosen) look.value = seen;
  };
  const seen = look.value;
  const fileFault = missing.value ? t.noFile : unreadable.value ? t.unreadable : seen && "fault" in seen ? faultText(seen) : undefined;
  const error = open.error.value;
  const reason = error === undefined ? undefined : codeOf(error);
  const codeFault = short.value ?? (reason === "wrong_code" ? reasonOf(error) : undefined);
  const damaged = reason === "invalid" ? t.damaged : undefined;
  const fault = fileFault ?? damaged;
  return (
    <form
      ref={form}
      noValidate
      class="panel narrow"
      onSubmit={(event) => {
        event.preventDefault();
        open.clear();
        const length = code.value.replace(/[^A-Za-z0-9]/g, "").length;
        missing.value = file.value === undefined;
        short.value = length === 32 ? undefined : t.codeShort(length);
        const wrongFile = missing.value || (look.value !== undefined && "fault" in look.value);
        if (!wrongFile && short.value === undefined) open.run();
        else form.current?.querySelectorAll("input")[wrongFile ? 0 : 1]?.focus();
      }}
    >
      <div class="field">
        <label for={id}>{t.file}</label>
        <input
          id={id}
          type="file"
          accept=".counterfoil"
          aria-invalid={fault ? true : undefined}
          aria-describedby={`${id}-hint`}
          onChange={(event) => void choose(event.currentTarget.files?.[0])}
        />
        <small id={`${id}-hint`} role="status">
          {seen && "made" in seen ? t.made(moment(tag, seen.made)) : t.fileHint}
        </small>
        {fault && (
          <p class="err" role="alert">
            {fault}
          </p>
        )}
      </div>
      <CodeField label={t.code} hint={t.codeHint} value={code} fault={codeFault} />
      <div class="row-of-buttons">
        <button type="submit" class="btn">
          {open.pending.value ? t.opening : t.open}
        </button>
      </div>
      {damaged === undefined && reason !== "wrong_code" && <ErrorState error={error} safe={t.safe} />}
    </form>
  );
}

function faultText(look: Extract<FileLook, { fault: string }>): string {
  const t = words().restore;
  return look.fault === "large" ? t.large(look.megabytes) : t[look.fault];
}
