import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from "jose";
import { EVENT_BASE, type EventName } from "#protocol/events.ts";
import { newId } from "#protocol/sealing/way-in.ts";

/** What a test changes of an event that would be good. `events`: the claim whole. */
export interface EventChange {
  claims?: Record<string, unknown>;
  header?: Record<string, unknown>;
  payload?: Record<string, unknown>;
  events?: Record<string, unknown>;
  /** Another key than the one that the key set serves under that name. */
  key?: CryptoKey;
}

/** A server's keys for events, and the tokens that it makes. */
export interface Transmitter {
  /** As its key set serves them; a test may change it. */
  readonly jwks: { keys: JWK[] };
  /** A key of this name takes the place of the one that signs. */
  rotate(kid: string): Promise<void>;
  event(name: EventName, grant: string, change?: EventChange): Promise<string>;
}

export async function transmitter(issuer: string, audience: string, alg = "Ed25519"): Promise<Transmitter> {
  const jwks: { keys: JWK[] } = { keys: [] };
  let signing: { key: CryptoKey; kid: string } | undefined;
  const it: Transmitter = {
    jwks,
    async rotate(kid) {
      const { publicKey, privateKey } = await generateKeyPair(alg);
      jwks.keys.push({ ...(await exportJWK(publicKey)), kid, alg, use: "sig" });
      signing = { key: privateKey, kid };
    },
    event: (name, grant, { claims = {}, header = {}, payload = {}, events, key } = {}) => {
      if (signing === undefined) throw new Error("no key yet");
      const now = Math.floor(Date.now() / 1000);
      const due = { delete_by: new Date((now + 7 * 86_400) * 1000).toISOString() };
      const more =
        name === "records-changed"
          ? { paths: ["profile/emails/e1"], count: 1 }
          : name === "grant-changed"
            ? { ...due, n: 2 }
            : name === "grant-moved"
              ? { to: "https://other.example", statement: "a.b.c" }
              : due;
      const body = { grant_id: grant, event_timestamp: now, initiating_entity: "user", ...more, ...payload };
      return new SignJWT({
        iss: issuer,
        aud: audience,
        jti: newId(),
        iat: now,
        txn: newId(),
        sub_id: { format: "complex", user: { format: "iss_sub", iss: issuer, sub: "someone" }, grant: { format: "opaque", id: grant } },
        events: events ?? { [EVENT_BASE + name]: body },
        ...claims,
      })
        .setProtectedHeader({ alg, typ: "secevent+jwt", kid: signing.kid, ...header })
        .sign(key ?? signing.key);
    },
  };
  await it.rotate("events-1");
  return it;
}
