/** What a vendor's own token (client_credentials) can be good for: the Grant Management draft's, SSF's, and ours: for bulk pulls, and for what is owed after an end. */
export const SCOPES = ["grant_management_query", "grant_management_revoke", "ssf.read", "ssf.manage", "changes", "attest"] as const;
export type Scope = (typeof SCOPES)[number];
