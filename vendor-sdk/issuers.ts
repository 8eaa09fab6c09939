import { bulkRead, type ReadBulk } from "./changes/bulk-read.ts";
import { discovery, type Metadata } from "./discovery.ts";
import type { Dpop } from "./dpop.ts";
import { eventKeys } from "./events/event-keys.ts";
import type { Party } from "./party.ts";
import { type Read, reader } from "./reading.ts";
import { type AskStanding, standings } from "./standing.ts";
import type { StoredGrant } from "./state.ts";
import { type Tokens, tokens } from "./tokens.ts";
import { type VendorCall, vendorCall, vendorStream } from "./vendor-call.ts";

/** One server, as this vendor reaches it. */
export interface Server {
  /** Whose `server` is this one. */
  readonly party: Party;
  discover(signal?: AbortSignal): Promise<Metadata>;
  readonly tokens: Tokens;
  readonly call: VendorCall;
  readonly read: Read;
  readonly ask: AskStanding;
  readonly bulk: ReadBulk;
  readonly eventKeys: ReturnType<typeof eventKeys>;
}

/** The server that the vendor named, and those to which customers have moved. */
export interface Servers {
  readonly home: Server;
  /** @param issuer one that a customer's verified word names, or the vendor */
  of(issuer: string): Server;
  /** Where a grant is. */
  at(grant: Pick<StoredGrant, "server">): Server;
}

export function servers(party: Party, proofs: Dpop, maxRetries: number): Servers {
  const known = new Map<string, Server>();
  const of = (issuer: string): Server => {
    let server = known.get(issuer);
    if (server === undefined) {
      const there: Party = issuer === party.server ? party : { ...party, server: issuer };
      const discover = discovery(there);
      const held = tokens(there, discover, proofs);
      const call = vendorCall(there, held, proofs);
      server = {
        party: there,
        discover,
        tokens: held,
        call,
        read: reader(there, held, proofs),
        ask: standings(there, call),
        bulk: bulkRead({ stream: vendorStream(there, held, proofs), on: party.on, maxRetries }),
        eventKeys: eventKeys(there),
      };
      known.set(issuer, server);
    }
    return server;
  };
  return { home: of(party.server), of, at: ({ server }) => of(server ?? party.server) };
}
