import type { Commit } from "#protocol/api.ts";
import { Refusal } from "#protocol/refusal.ts";
import type { Deps } from "../deps.ts";
import { type ProvenAct, proveAct } from "../guards/act.ts";
import { limitRate } from "../guards/rate.ts";
import { type Caller, requireSession } from "../guards/session.ts";
import { issueCode } from "../oauth/code.ts";
import { answeredRequest, answerOnce, type PushedRequest, redirectOf } from "../oauth/pushed-request.ts";
import { applyCommit, type Committed } from "../store/commit.ts";
import { type Endpoints, signedIn } from "./endpoint.ts";
import { addedPasskey, closeRegistration } from "./registrations.ts";

/** Every change of the customer's half (protocol, section 4), and with a consent the answer to its request. */
export const commits: Endpoints<"commit"> = {
  async commit(deps, call) {
    const caller = signedIn(call);
    const { body } = call;
    await limitRate(deps.storage, "commit", caller.account, deps.config.rates.commits, deps.now());
    if (body.consent === null) {
      const { seq, position } = await commitBy(deps, caller, body, undefined);
      return { seq, position, redirect: null };
    }
    const id = body.consent.request;
    const answer = await answerOnce(deps.storage, id, async (request) => {
      const committed = await commitBy(deps, caller, body, request);
      return { request, committed };
    });
    if (answer === undefined) {
      const answered = (await answeredRequest(deps.storage, id)) !== undefined;
      throw answered
        ? new Refusal("already_answered", "This request was answered before.", { pointer: "/consent/request" })
        : new Refusal("not_found", "This request has ended. Ask the shop for a new link.", { pointer: "/consent/request" });
    }
    const { request, committed } = answer;
    const code = await issueCode(deps.storage, request, committed.grant as string, deps.now());
    return { seq: committed.seq, position: committed.position, redirect: redirectOf(request, deps.config.issuer, { code }) };
  },
};

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
    return applyCommit(store, body, { account, session: caller.session, now, proveActs, newPasskey, request });
  });
  await closeRegistration(deps, body);
  return committed;
}
