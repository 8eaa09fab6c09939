import type { Recipient } from "#protocol/data/purchases.ts";
import { words } from "../../locales/words.ts";
import { type Bought, FOR_WHOM } from "./bought.ts";
import { recipientWord } from "./labels.ts";

/** For whom, to be changed in place. */
export function ForWhom({ bought: { path, value }, onChange }: { bought: Bought; onChange: (path: string, recipient: Recipient) => void }) {
  return (
    <select
      class="for-whom"
      aria-label={words().purchases.forWhomOf(value.item)}
      value={value.recipient}
      onChange={(event) => onChange(path, event.currentTarget.value as Recipient)}
    >
      {FOR_WHOM.map((each) => (
        <option key={each} value={each}>
          {recipientWord(each)}
        </option>
      ))}
    </select>
  );
}
