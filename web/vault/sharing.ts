import type { Client, RequestView } from "#protocol/api.ts";
import type { AuthorizationDetails } from "#protocol/authorization-details.ts";
import { base64url, canonical, hashOf } from "#protocol/canonical.ts";
import { consentObject } from "#protocol/consent-token.ts";
import { thumbprint } from "#protocol/jws.ts";
import { isNoWider } from "#protocol/narrow.ts";
import { randomBytes } from "#protocol/sealing/derive.ts";
import { newId } from "#protocol/sealing/way-in.ts";
import { approve as approveAct } from "./acts.ts";
import { aliasesOf, learnAliases, renamed, renamedDetails } from "./aliases.ts";
import { type Context, storeOf } from "./context.ts";
import { CONTACT, contactFrom, coverageOf, digestLeaving, leaving, placed } from "./coverage.ts";
import { give, withGiven } from "./giving.ts";
import type { KnownGrant } from "./grants.ts";
import { knownOf, tidy } from "./narrowing.ts";
import type { OpenStore } from "./open-store.ts";
import { overlay } from "./overlay.ts";
import { place } from "./placing.ts";
import { standing } from "./reading.ts";
import { grantKeyOf, makeRelationship, newRelationshipPath, relationshipTo } from "./relationship.ts";
import { isRefusal } from "./server.ts";
import { type Approval, type Edit, type RequestViewModel, type SharedValue, VaultError } from "./vault.ts";
import { completedWays } from "./ways.ts";
import { backfill, refuseAlarmed, write } from "./writing.ts";

/** @param named the key that the vendor's own link names (`#enc`), which the server never sees */
export async function request(context: Context, id: string, named?: string): Promise<RequestViewModel> {
  let view: RequestView;
  try {
    view = await context.server.call("request", { params: { id } });
  } catch (error) {
    if (isRefusal(error, "not_found", "cursor_expired")) throw new VaultError("expired_link", "no such request", error.reference);
    throw error;
  }
  const shown = context.requests.get(id)?.view;
  if (shown !== undefined && frozen(shown) !== frozen(view)) {
    context.requests.delete(id);
    throw new VaultError("tampered", "The server shows another shop, key or wish in this request than before");
  }
  const key = await thumbprint(view.client.encryption_key);
  context.requests.delete(id);
  context.requests.set(id, { view, key, named });
  const { store } = context;
  const amended = view.replaces === null || store === undefined ? undefined : amendedBy(store, view, context.now());
  return {
    id,
    client: view.client,
    details:
      amended === undefined || store === undefined ? view.authorization_details : inOwnPaths(store, amended, view.authorization_details),
    state: view.state,
    expires: view.expires,
    mark: base64url.decode(key),
    keyMatches: matches(store, view.client, key, named),
    existing: store === undefined ? null : standing(store, view.client.client_id, context.now()),
    replaces: view.replaces === null ? undefined : replacedIn(store, amended),
    refusedUntil: isRefused(view, context.now()) ? view.refused : null,
    blocked: store !== undefined && isBlocked(store, view.client),
  };
}

/** The grant that a request would change: this vendor's, and not ended. */
function amendedBy(store: OpenStore, { client, replaces }: RequestView, now: number): KnownGrant | undefined {
  const known = replaces === null ? undefined : knownOf(store, replaces, now);
  return known?.relationship.client_id === client.client_id ? known : undefined;
}

const inOwnPaths = ({ aliases }: OpenStore, { grant }: KnownGrant, details: AuthorizationDetails): AuthorizationDetails =>
  renamedDetails(details, aliasesOf(aliases, grant).byAlias);

const replacedIn = (store: OpenStore | undefined, known: KnownGrant | undefined): RequestViewModel["replaces"] =>
  store === undefined || known === undefined
    ? null
    : { grant: known.grant, details: inOwnPaths(store, known, known.consent.authorization_details) };

const isRefused = ({ refused }: RequestView, now: number): boolean => refused !== null && Date.parse(refused) > now;

const isBlocked = ({ relationships }: OpenStore, { client_id }: Client): boolean =>
  relationshipTo(relationships, client_id)?.[1].card?.view === "blocked";

/** What can't change once it was pushed: what the customer has read is what will be signed. */
const frozen = ({ client, authorization_details, replaces }: RequestView): string => canonical([client, authorization_details, replaces]);

/** The vendor's own link vouches for its key; without it the key must be one that this vendor had before. */
function matches(store: OpenStore | undefined, client: Client, key: string, named: string | undefined): RequestViewModel["keyMatches"] {
  if (named !== undefined) return named === key ? "yes" : "no";
  const pins = store === undefined ? undefined : relationshipTo(store.relationships, client.client_id)?.[1].pins;
  if (pins === undefined || pins.length === 0) return "not-named";
  return pins.some((pin) => pin.jkt === key) ? "yes" : "no";
}

/** The values that would leave for `details`: null where there is none yet. */
export function preview(context: Context, details: AuthorizationDetails, edits: readonly Edit[]): SharedValue[] {
  const store = storeOf(context);
  const { contents } = place(edits, { idOf: (edit) => edit.key ?? newId() });
  const all = overlay(store.contents, contents);
  const coverage = coverageOf(details, context.now());
  const asked = [...context.requests.values()].at(-1);
  if (asked !== undefined && isBlocked(store, asked.view.client)) throw new VaultError("blocked", "its customer has blocked this vendor");
  const card = asked && relationshipTo(store.relationships, asked.view.client.client_id)?.[1].card;
  const nameOf = (path: string) => leaving(coverage, path, all.get(path))?.path;
  const values: SharedValue[] = [];
  for (const [path, content] of all) {
    const toward = path === CONTACT ? contactFrom(all, card) : content;
    const leaves = placed(coverage, path, toward, nameOf);
    if (leaves !== undefined) values.push({ path: leaves.path, value: leaves.value });
  }
  for (const digest of coverage.digests) values.push({ path: digest.path, value: digestLeaving(coverage, digest, all)?.value ?? null });
  return values;
}

/** Details in the customer's own paths: new members by their ids, whole seconds. */
function settled(details: AuthorizationDetails, named: ReadonlyMap<string, string>): AuthorizationDetails {
  return details.map((detail) => ({
    ...detail,
    expires: `${detail.expires.slice(0, 19)}Z`,
    paths: detail.paths.map((path) => renamed(path, named)),
  }));
}

/** Saves, signs and shares in one commit, by one prompt. */
export async function approve(context: Context, approval: Approval): Promise<{ redirect: string; grant: string }> {
  const asked = context.requests.get(approval.request);
  if (asked === undefined) throw new VaultError("expired_link", "no such request");
  const { view, key: jkt, named } = asked;
  const before = storeOf(context);
  refuseAlarmed(before);
  if (isBlocked(before, view.client)) throw new VaultError("blocked", "its customer has blocked this vendor");
  const trust = matches(before, view.client, jkt, named);
  if (trust === "no") throw new VaultError("key_mismatch", "not the key that the link or an earlier grant names");
  if (view.state === "answered") throw new VaultError("answered", "answered before");
  if (isRefused(view, context.now())) throw new VaultError("refused_before", "its customer said no to this vendor");
  const amended = view.replaces === null ? undefined : amendedBy(before, view, context.now());
  if (view.replaces !== null && amended === undefined)
    throw new VaultError("invalid", "changes a grant that is not this vendor's, or has ended");
  // Against what is in force after these: nothing that came back into it may be taken for a copy that is there.
  if (amended !== undefined) await tidy(context, amended.grant);

  const { contents, named: members } = place(approval.edits, { before: before.contents });
  const own = settled(approval.details, members);
  const grant = amended === undefined ? { id: newId(), key: randomBytes(32) } : { id: amended.grant, key: grantKeyOf(amended.own) };
  await learnAliases(before.aliases, { ...grant, details: own }, [...before.contents.keys(), ...contents.keys()]);
  const details = renamedDetails(own, aliasesOf(before.aliases, grant.id).byPath);
  if (!isNoWider(details, view.authorization_details)) throw new VaultError("invalid", "wider than asked");
  const { client } = view;
  const giving = await give(
    amended === undefined
      ? (relationshipTo(before.relationships, client.client_id) ?? [newRelationshipPath(), await makeRelationship(client)])
      : [amended.at, amended.relationship],
    {
      grant,
      details,
      client,
      vendorKey: { jkt, jwk: client.encryption_key },
      notice: { sha256: await hashOf(approval.notice.text), language: approval.notice.language },
      gpc: approval.gpc === true,
    },
    { known: amended, request: view.id, now: context.now(), restored: before.replica.restored },
  );
  const act = await approveAct(
    context,
    { action: "approve", grant: grant.id, object: await consentObject(giving.consent) },
    before.replica.ways,
  );

  const { reply, rest } = await write(context, async (store) => {
    const relationship = store.relationships.get(giving.at) ?? giving.relationship;
    if (relationship.card?.view === "blocked") throw new VaultError("blocked", "its customer has blocked this vendor");
    // What was shown as the change, and approved, was a change of that consent.
    if ((knownOf(store, grant.id, context.now())?.own.hash ?? null) !== giving.consent.prev)
      throw new VaultError("stale", "changed or ended on another device");
    const ways = await completedWays(context, store, act);
    return {
      contents: new Map([...contents, [giving.at, { value: withGiven(relationship, giving, context.now()) }]]),
      consent: giving.change,
      acts: [act],
      ...(ways === undefined ? {} : { ways }),
    };
  });
  if (reply.redirect === null) throw new VaultError("failed", "no redirect");
  // The answer must reach the shop: what is left to share, the next opening of the store sees to.
  await backfill(context, rest, true)
    .then(() => (amended === undefined ? undefined : tidy(context, amended.grant)))
    .catch(() => undefined);
  context.requests.delete(approval.request);
  return { redirect: reply.redirect, grant: grant.id };
}

export async function decline(context: Context, id: string): Promise<{ redirect: string }> {
  return context.server.call("decline", { params: { id }, body: {} });
}

/** The customer's own change of mind about a vendor that they said no to. */
export async function reopen(context: Context, id: string): Promise<void> {
  await context.server.call("reopen", { params: { id }, body: {} });
  const asked = context.requests.get(id);
  if (asked !== undefined) context.requests.set(id, { ...asked, view: { ...asked.view, refused: null } });
}
