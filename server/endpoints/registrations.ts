import type { Attestation, Commit } from "#protocol/api.ts";
import { Refusal } from "#protocol/refusal.ts";
import type { Deps } from "../deps.ts";
import { randomText } from "../digest.ts";
import { PASSKEY_ALGORITHMS, rpIdOf, verifyAttestation } from "../guards/passkey.ts";
import { limitRate } from "../guards/rate.ts";
import { openSession, requireSession, sessionCookie } from "../guards/session.ts";
import { applyCommit } from "../store/commit.ts";
import { waysOf } from "../store/views.ts";
import type { NewPasskey } from "../store/ways.ts";
import { type Endpoints, signedIn } from "./endpoint.ts";

const LIFETIME = 600_000;
const REGISTRATION = "registration";

interface RegistrationTicket {
  account: string;
  challenge: string;
  /** For a store that isn't there yet. */
  fresh: boolean;
}

/** Making a store: a passkey, and with its attestation the first commit. Also the options for each further passkey. */
export const registrations: Endpoints<"registrationOptions" | "register" | "passkeyOptions"> = {
  async registrationOptions(deps, call) {
    await limitRate(deps.storage, "registration", call.address, deps.config.rates.logins, deps.now());
    return offer(deps, { account: randomText(16), challenge: randomText(32), fresh: true }, []);
  },

  async passkeyOptions(deps, call) {
    const caller = signedIn(call);
    const known = await deps.storage.read(caller.account, async (store) => {
      await requireSession(store, caller, deps.now());
      return (await waysOf(store)).flatMap(({ passkey }) => passkey?.id ?? []);
    });
    await limitRate(deps.storage, "passkey", caller.account, deps.config.rates.logins, deps.now());
    return offer(deps, { account: caller.account, challenge: randomText(32), fresh: false }, known);
  },

  async register(deps, { body, answer, address }) {
    const now = deps.now();
    await limitRate(deps.storage, "registration", address, deps.config.rates.logins, now);
    const ticket = await registrationOf(deps, body);
    if (ticket === undefined || !ticket.fresh) throw gone();
    if (body.consent !== null || body.acts.length > 0)
      throw new Refusal("invalid_input", "A store's first commit shares nothing.", { pointer: "/consent" });
    const newPasskey = await newPasskeyOf(deps, body.attestation, ticket, now);
    const { account } = ticket;
    const made = await deps.storage.create(account, async (store) => {
      const { seq, position } = await applyCommit(store, body, {
        account,
        session: undefined,
        now,
        proveActs: async () => [],
        newPasskey,
        request: undefined,
        teller: deps.outbox,
      });
      const way = body.ways?.find(({ kind }) => kind === "passkey")?.id ?? null;
      return { seq, position, way, secret: await openSession(store, way, now) };
    });
    await closeRegistration(deps, body);
    answer["Set-Cookie"] = sessionCookie(deps.config.issuer, account, made.secret);
    return { account, way: made.way, seq: made.seq, position: made.position };
  },
};

const gone = (): Refusal =>
  new Refusal("invalid_passkey", "This registration is too old or was used. Start again.", { pointer: "/attestation/registration" });

/** The registration that a commit's attestation answers. */
async function registrationOf({ storage }: Pick<Deps, "storage">, commit: Commit): Promise<RegistrationTicket | undefined> {
  return commit.attestation === null ? undefined : storage.getTicket<RegistrationTicket>(REGISTRATION, commit.attestation.registration);
}

/** The passkey that a commit adds to a store that is there. @throws {Refusal} `invalid_passkey` */
export async function addedPasskey(
  deps: Pick<Deps, "storage" | "config">,
  commit: Commit,
  account: string,
  now: number,
): Promise<NewPasskey | undefined> {
  if (commit.attestation === null) return undefined;
  const ticket = await registrationOf(deps, commit);
  if (ticket === undefined || ticket.fresh || ticket.account !== account) throw gone();
  return newPasskeyOf(deps, commit.attestation, ticket, now);
}

export const closeRegistration = async ({ storage }: Pick<Deps, "storage">, commit: Commit): Promise<void> => {
  if (commit.attestation !== null) await storage.takeTicket(REGISTRATION, commit.attestation.registration);
};

async function newPasskeyOf(
  { config }: Pick<Deps, "config">,
  attestation: { response: Attestation } | null,
  ticket: RegistrationTicket,
  now: number,
): Promise<NewPasskey> {
  if (attestation === null) throw gone();
  return verifyAttestation(attestation.response, { challenge: ticket.challenge, issuer: config.issuer, now });
}

async function offer(
  { storage, config, now }: Deps,
  ticket: RegistrationTicket,
  known: readonly string[],
): Promise<{ id: string; options: Record<string, unknown> }> {
  const id = randomText(16);
  await storage.putTicket(REGISTRATION, id, ticket, now() + LIFETIME);
  return {
    id,
    options: {
      rp: { id: rpIdOf(config.issuer), name: "Counterfoil" },
      // The handle names the store, so that a login finds it without an index.
      user: { id: ticket.account, name: "My Counterfoil", displayName: "My Counterfoil" },
      challenge: ticket.challenge,
      pubKeyCredParams: PASSKEY_ALGORITHMS.map((alg) => ({ type: "public-key", alg })),
      timeout: LIFETIME,
      excludeCredentials: known.map((credential) => ({ type: "public-key", id: credential })),
      authenticatorSelection: { residentKey: "required", requireResidentKey: true, userVerification: "required" },
      attestation: "none",
    },
  };
}
