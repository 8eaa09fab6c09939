import type { Filter } from "#protocol/authorization-details.ts";
import type { RequestViewModel, VaultErrorCode, VaultState } from "../../../web/vault/vault.ts";

/** What a test asks of the prepared vault; it travels as JSON into the page. */
export interface Prepared {
  state: VaultState;
  /** `full`: shops, data and ways in; `empty`: just made. */
  store: "full" | "empty";
  online?: boolean;
  /** It is open, and its session is over. */
  away?: boolean;
  support?: "full" | "none";
  kit?: boolean;
  alarm?: boolean;
  /** So many purchases more. */
  many?: number;
  /** What another device has saved, or removed (null), by path: here after the next refresh. */
  elsewhere?: Record<string, unknown>;
  /** The store is about to be erased. */
  erasing?: boolean;
  /** The server was put back: with all sharing paused, below what this browser has seen, or with nothing to decide. */
  restored?: "paused" | "behind" | "held" | "quiet";
  /** Nobody knows of when the copy was. */
  fromUnknown?: boolean;
  /** Shops that are not admitted where a store comes to. */
  left?: readonly string[];
  /** Fifty more shops, one of which reads two thousand purchases, and one that was blocked when it asked. */
  crowd?: boolean;
  /** A connection for each thing that can follow an end. */
  endings?: boolean;
  /** Verbs that reject, with the code that they reject with. */
  failing?: Record<string, VaultErrorCode>;
  /** Verbs that never end. */
  hanging?: string[];
  request?: Partial<Pick<RequestViewModel, "state" | "keyMatches" | "expires">> & {
    loopback?: boolean;
    blocked?: boolean;
    again?: boolean;
    several?: boolean;
    /** It would change this connection. */
    amends?: string;
    /** With the very details that are in force. */
    same?: boolean;
    /** Not what it usually asks for, but only what `purchases` names. */
    first?: false;
    /** The customer said no to this shop 18 days ago. */
    refused?: boolean;
    /** One object for each of these purposes. */
    purposes?: readonly string[];
    /** A second purpose asks for purchases, at these paths. */
    purchases?: { paths: string[]; filter?: Filter; purpose?: string };
  };
}
