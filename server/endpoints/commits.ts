import type { Commit } from "#protocol/api.ts";
import { Refusal } from "#protocol/refusal.ts";
import type { Deps } from "../deps.ts";
import { digest } from "../digest.ts";
import { type ProvenAct, proveAct } from "../guards/act.ts";
import { limitRate } from "../guards/rate.ts";
import { type Caller, requireSession } from "../guards/session.ts";
import { issueCode, withdrawCode } from "../oauth/code.ts";
import { answeredRequest, answerOnce, type Given, noteGiven, type PushedRequest, redirectOf } from "../oauth/pushed-request.ts";
import { applyCommit, type Committed } from "../store/commit.ts";
import { type Endpoints, type ReplyOf, signedIn } from "./endpoint.ts";
import { addedPasskey, closeRegistration } from "./registrations.ts";

/** Every change of the customer's half (protocol, section 4), and with a consent the answer to its request. */
export const commits: Endpoints<"commit"> = {
  async commit(deps, call) {
    const caller = signedIn(call);
    const { body } = call;
    // An id is no secret: a false cookie uses up nobody's commits.
    await deps.storage.read(caller.account, (store) => requireSession(store, caller, deps.now()));
    await limitRate(deps.storage, "commit", caller.account, deps.config.rates.commits, deps.now());
    if (body.consent === null || body.consent.request === null) {
      const { seq, position } = await commitBy(deps, caller, body, undefined);
      return { seq, position, redirect: null };
    }
    const id = body.consent.request;
    const answer = await answerOnce(deps.storage, id, async (request) => {
      const committed = await commitBy(deps, caller, body, request);
      return { request, committed };
    });
    if (answer === undefined) {
      const answered = await answeredRequest(deps.storage, id);
      const again = answered?.given && (await repeat(deps, caller, body.consent.token, answered, answered.given));
      if (again !== undefined) return again;
      throw answered
        ? new Refusal("already_answered", "This request was answered before.", { pointer: "/consent/request" })
        : new Refusal("not_found", "This request has ended. Ask the shop for a new link.", { pointer: "/consent/request" });
    }
    const { request, committed } = answer;
    const { seq, position, grant = "" } = committed;
    return reply(deps, request, { account: caller.account, consentHash: digest(body.consent.token), grant, seq, position });
  },
};

/** A fresh code for what was given, and where it goes. */
async function reply({ storage, config, now }: Deps, request: PushedRequest, given: Omit<Given, "codeHash">): Promise<ReplyOf<"commit">> {
  const code = await issueCode(storage, request, given.grant, now());
  await noteGiven(storage, request, { ...given, codeHash: digest(code) });
  return { seq: given.seq, position: given.position, redirect: redirectOf(request, config.issuer, { code }) };
}

/** The very same consent again, from the same store: its reply was lost on the way. The code that nobody has redeemed is replaced. */
async function repeat(
  deps: Deps,
  caller: Caller,
  consent: string,
  request: PushedRequest,
  given: Given,
): Promise<ReplyOf<"commit"> | undefined> {
  if (given.account !== caller.account || given.consentHash !== digest(consent)) return undefined;
  await deps.storage.read(caller.account, (store) => requireSession(store, caller, deps.now()));
  return (await withdrawCode(deps.storage, given.codeHash)) && reply(deps, request, given);
}

async function commitBy(deps: Deps, caller: Caller, body: Commit, request: PushedRequest | undefined): Promise<Committed> {
  const { storage, config } = deps;
  const now = deps.now();
  const { account } = caller;
  const newPasskey = await addedPasskey(deps, body, account, now);
  const committed = await storage.change(account, async (store) => {
    await requireSession(store, caller, now);
    const proveActs = async (): Promise<ProvenAct[]> => {
      const proven: ProvenAct[] = [];
      for (const [index, signed] of body.acts.entries())
        proven.push(await proveAct(storage, store, signed, { account, issuer: config.issuer, now, pointer: `/acts/${index}` }));
      return proven;
    };
    return applyCommit(store, body, { account, session: caller.session, now, proveActs, newPasskey, request, teller: deps.outbox });
  });
  await closeRegistration(deps, body);
  return committed;
}
