import { asCounterfoilError } from "../error.ts";
import type { Servers } from "../issuers.ts";
import type { Party } from "../party.ts";
import type { VendorCall } from "../vendor-call.ts";
import { type Stream, type StreamWanted, stream } from "./stream.ts";
import type { Verifications } from "./verifications.ts";

/** One server that a vendor hears events of. */
export interface Place {
  readonly issuer: string;
  readonly call: VendorCall;
  readonly stream: Stream;
}

/** The streams of a vendor at each server that has grants of it. */
export interface Streams {
  /** The one at the server that the vendor named. `ensure` and `remove` care for those at the others too. */
  readonly stream: Stream;
  /** Hears a server to which a customer has moved. */
  arrived(issuer: string): void;
  /** Calls `hear` with each server there is, and with each to which a customer moves afterwards, until it is stopped. */
  places(hear: (place: Place, isHome: boolean) => void): Promise<() => void>;
}

export function streams(party: Party, servers: Servers, verifications: Verifications): Streams {
  const home = stream(servers.home.call, verifications);
  const listeners = new Set<(place: Place, isHome: boolean) => void>();
  const placeOf = (issuer: string): Place => {
    const { call } = servers.of(issuer);
    return { issuer, call, stream: stream(call, verifications) };
  };
  let wish: { wanted: StreamWanted; events: readonly string[] | undefined } | undefined;

  /** Another server's trouble is none of the first one's: without its stream, its grants are followed by `sync`. */
  const makeAt = async (issuer: string): Promise<void> => {
    if (wish === undefined || issuer === party.server) return;
    const { wanted, events } = wish;
    try {
      await placeOf(issuer).stream.ensure(wanted, events === undefined ? {} : { events });
    } catch (error) {
      party.on({ type: "no-stream", server: issuer, reason: asCounterfoilError(error).reason });
    }
  };

  return {
    stream: {
      ...home,
      async ensure(wanted, options = {}) {
        const made = await home.ensure(wanted, options);
        wish = { wanted, events: options.events };
        await Promise.all((await party.book.issuers()).map(makeAt));
        return made;
      },
      async remove(options) {
        wish = undefined;
        for (const issuer of await party.book.issuers())
          if (issuer !== party.server)
            await placeOf(issuer)
              .stream.remove(options)
              .catch(() => undefined);
        return home.remove(options);
      },
    },
    arrived(issuer) {
      if (listeners.size === 0) void makeAt(issuer);
      for (const hear of listeners) hear(placeOf(issuer), false);
    },
    async places(hear) {
      hear({ issuer: party.server, call: servers.home.call, stream: home }, true);
      listeners.add(hear);
      for (const issuer of await party.book.issuers()) if (issuer !== party.server) hear(placeOf(issuer), false);
      return () => void listeners.delete(hear);
    },
  };
}
