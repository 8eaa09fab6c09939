import { createContext } from "preact";

/** A record that a field can point at. */
export interface RecordChoice {
  readonly path: string;
  readonly name: string;
}

/** What a form of rules has to be told by the screen that it stands on. */
export interface RuleWays {
  /** The records that a rule can name: of the e-mail rule, the e-mails. */
  readonly targets: (key: string) => readonly RecordChoice[];
  /** What holds where nothing is said, if that is something else than "not allowed". */
  readonly unsaid?: (key: string) => string;
}

export const RuleContext = createContext<RuleWays>({ targets: () => [] });
/** The records on offer to the fields below. */
export const RecordChoices = createContext<readonly RecordChoice[]>([]);
