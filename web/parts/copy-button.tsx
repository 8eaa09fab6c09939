import { words } from "../locales/words.ts";
import { say } from "./status.tsx";

export function CopyButton({ text }: { text: string }) {
  const t = words().state;
  return (
    <button type="button" class="text-btn" onClick={() => void navigator.clipboard.writeText(text).then(() => say(t.copied))}>
      {t.copy}
    </button>
  );
}
