import type { RequestViewModel, VaultErrorCode, VaultState } from "../../../web/vault/vault.ts";

/** What a test asks of the prepared vault; it travels as JSON into the page. */
export interface Prepared {
  state: VaultState;
  /** `full`: shops, data and ways in; `empty`: just made. */
  store: "full" | "empty";
  online?: boolean;
  support?: "full" | "none";
  kit?: boolean;
  alarm?: boolean;
  /** Verbs that reject, with the code that they reject with. */
  failing?: Record<string, VaultErrorCode>;
  /** Verbs that never end. */
  hanging?: string[];
  request?: Partial<Pick<RequestViewModel, "state" | "keyMatches" | "expires">> & {
    loopback?: boolean;
    again?: boolean;
    several?: boolean;
  };
}
