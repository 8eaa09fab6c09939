import { useEffect, useRef } from "preact/hooks";
import { words } from "../locales/words.ts";
import { CopyButton } from "./copy-button.tsx";

interface Told {
  code: string;
  message: string;
  reference?: string | undefined;
  /** The server's own code, where it refused. */
  refusal?: string | undefined;
}

const isTold = (thrown: unknown): thrown is Told =>
  thrown instanceof Error && "code" in thrown && typeof thrown.code === "string" && Object.hasOwn(words().errors, thrown.code);

/** Failures whose sentence says all. */
const PLAIN = ["cancelled", "offline"];

/** The code of a vault's error; of anything else that was thrown, `failed`. */
export const codeOf = (thrown: unknown): string => (isTold(thrown) ? thrown.code : "failed");

/** What to say of something thrown: the server's own refusal where it names one, else the code's sentence. */
export function reasonOf(thrown: unknown): string {
  const { errors, refusals } = words();
  if (!isTold(thrown)) return errors.failed;
  return (refusals as Record<string, string>)[thrown.refusal ?? ""] ?? (errors as Record<string, string>)[thrown.code] ?? errors.failed;
}

/** What failed, what is safe, one way on, and a code to quote. `safe` only where it is certain. */
export function ErrorState({ error, safe, retry }: { error: unknown; safe?: string | undefined; retry?: (() => void) | undefined }) {
  const t = words().state;
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    box.current?.scrollIntoView({ block: "nearest" });
  }, [error]);
  if (error === undefined) return null;
  const { reference, message } = isTold(error) ? error : { reference: undefined, message: "" };
  return (
    <div ref={box} class="notice stamped" role="alert">
      <strong>{t.errorTitle}</strong>
      <p>{reasonOf(error)}</p>
      {message !== "" && !PLAIN.includes(codeOf(error)) && (
        <p class="note" lang="en">
          {message}
        </p>
      )}
      {safe && <p>{safe}</p>}
      {reference && (
        <p>
          {t.quote} <code>{reference}</code> <CopyButton text={reference} />
        </p>
      )}
      {retry && (
        <button type="button" class="text-btn" onClick={retry}>
          {t.retry}
        </button>
      )}
    </div>
  );
}
