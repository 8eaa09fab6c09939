import type { AuthorizationDetail } from "#protocol/authorization-details.ts";
import { words } from "../locales/words.ts";
import { purposeWords } from "./labels.ts";

/** Our own sentence for the purpose; under it the shop's words, as a quote in their language. */
export function Purpose({ detail }: { detail: AuthorizationDetail }) {
  const { tag, ask: t } = words();
  const told = detail.explanation ?? {};
  const language = [tag, "en", ...Object.keys(told)].find((each) => told[each] !== undefined);
  return (
    <div data-rule="C2">
      <p class="purpose">{purposeWords(detail.purpose).long}</p>
      {language !== undefined && (
        <>
          <p class="note">{t.theirWords}</p>
          <blockquote lang={language}>“{told[language]}”</blockquote>
        </>
      )}
    </div>
  );
}
