import type { Client, RequestView } from "#protocol/api.ts";
import type { AuthorizationDetails } from "#protocol/authorization-details.ts";
import { base64url, canonical, hashOf } from "#protocol/canonical.ts";
import { CONSENT_TYP, type Consent, consentObject, hashOfConsent } from "#protocol/consent-token.ts";
import { thumbprint } from "#protocol/jws.ts";
import { isNoWider, lastExpiry } from "#protocol/narrow.ts";
import { randomBytes } from "#protocol/sealing/derive.ts";
import { grantKeyContext, hashOfGrantKey } from "#protocol/sealing/record.ts";
import { sealTo } from "#protocol/sealing/seal-to.ts";
import { sign } from "#protocol/sealing/sign.ts";
import { newId } from "#protocol/sealing/way-in.ts";
import { approve as approveAct } from "./acts.ts";
import { aliasesOf, learnAliases, renamed, renamedDetails } from "./aliases.ts";
import { type Context, storeOf } from "./context.ts";
import { CONTACT, contactFrom, coverageOf, digestLeaving, leaving, placed } from "./coverage.ts";
import type { OpenStore } from "./open-store.ts";
import { overlay } from "./overlay.ts";
import { place } from "./placing.ts";
import { standing } from "./reading.ts";
import { issuerOf, makeRelationship, newRelationshipPath, type OwnGrant, type Relationship, relationshipTo } from "./relationship.ts";
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
  return {
    id,
    client: view.client,
    details: view.authorization_details,
    state: view.state,
    expires: view.expires,
    mark: base64url.decode(key),
    keyMatches: matches(context.store, view.client, key, named),
    existing: context.store === undefined ? null : standing(context.store, view.client.client_id, context.now()),
    blocked: context.store !== undefined && isBlocked(context.store, view.client),
  };
}

const isBlocked = ({ relationships }: OpenStore, { client_id }: Client): boolean =>
  relationshipTo(relationships, client_id)?.[1].card?.view === "blocked";

/** What can't change once it was pushed: what the customer has read is what will be signed. */
const frozen = ({ client, authorization_details }: RequestView): string => canonical([client, authorization_details]);

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

  const { contents, named: members } = place(approval.edits, { before: before.contents });
  const own = settled(approval.details, members);
  const grant = { id: newId(), key: randomBytes(32), details: own };
  await learnAliases(before.aliases, grant, [...before.contents.keys(), ...contents.keys()]);
  const details = renamedDetails(own, aliasesOf(before.aliases, grant.id).byPath);
  if (!isNoWider(details, view.authorization_details)) throw new VaultError("invalid", "wider than asked");
  const granting = await prepareGrant(context, before, view, { grant: grant.id, key: grant.key, details, jkt, notice: approval.notice });
  const act = await approveAct(
    context,
    { action: "approve", grant: granting.consent.grant_id, object: await consentObject(granting.consent) },
    before.replica.ways,
  );

  const { reply, rest } = await write(context, async (store) => {
    const [at, relationship] = relationshipOf(store, granting);
    if (relationship.card?.view === "blocked") throw new VaultError("blocked", "its customer has blocked this vendor");
    const ways = await completedWays(context, store, act);
    return {
      contents: new Map([...contents, [at, { value: withGrant(relationship, view.client, granting, context.now()) }]]),
      consent: {
        grant: granting.consent.grant_id,
        at,
        n: 1,
        key: granting.grantKey,
        details,
        commit: { token: granting.own.token, grantKey: granting.sealedKey, pause: granting.pause, request: view.id },
      },
      acts: [act],
      ...(ways === undefined ? {} : { ways }),
    };
  });
  if (reply.redirect === null) throw new VaultError("failed", "no redirect");
  // The answer must reach the shop: what is left to share, the next opening of the store sees to.
  await backfill(context, rest, true).catch(() => undefined);
  context.requests.delete(approval.request);
  return { redirect: reply.redirect, grant: granting.consent.grant_id };
}

interface Granting {
  readonly at: string;
  readonly relationship: Relationship;
  readonly consent: Consent;
  readonly own: OwnGrant;
  readonly grantKey: Uint8Array;
  readonly sealedKey: string;
  readonly pause: string;
  readonly jkt: string;
}

async function prepareGrant(
  context: Context,
  store: OpenStore,
  { client }: RequestView,
  given: { grant: string; key: Uint8Array; details: AuthorizationDetails; jkt: string; notice: Approval["notice"] },
): Promise<Granting> {
  const now = context.now();
  const [at, relationship] = relationshipTo(store.relationships, client.client_id) ?? [
    newRelationshipPath(),
    await makeRelationship(client),
  ];
  const { grant, key: grantKey } = given;
  const pauseSecret = base64url.encode(randomBytes(32));
  const issuer = await issuerOf(relationship);
  const consent: Consent = {
    iss: issuer,
    sub: issuer,
    aud: client.client_id,
    jti: newId(),
    grant_id: grant,
    n: 1,
    prev: null,
    iat: Math.floor(now / 1000),
    exp: lastExpiry(given.details) / 1000,
    authorization_details: given.details,
    cnf: { jkt: given.jkt },
    inbox: { kty: "OKP", crv: "X25519", x: relationship.keys.inbox.x },
    grant_key: await hashOfGrantKey(grantKey),
    agreement: null,
    notice: { sha256: await hashOf(given.notice.text), language: given.notice.language },
  };
  const token = await sign(consent, CONSENT_TYP, relationship.keys.sign, true);
  return {
    at,
    relationship,
    consent,
    grantKey,
    sealedKey: await sealTo(client.encryption_key, grantKey, grantKeyContext(grant, client.client_id)),
    pause: await hashOf(pauseSecret),
    jkt: given.jkt,
    own: {
      key: base64url.encode(grantKey),
      n: 1,
      hash: await hashOfConsent(token),
      token,
      pauseSecret,
      askedAt: new Date(now).toISOString(),
      client,
    },
  };
}

/** The relationship whose key signed the consent: as it now is, or the new one. */
const relationshipOf = ({ relationships }: OpenStore, { at, relationship }: Granting): [string, Relationship] => [
  at,
  relationships.get(at) ?? relationship,
];

function withGrant(relationship: Relationship, client: Client, { consent, jkt, own }: Granting, now: number): Relationship {
  const pinned = relationship.pins.some((pin) => pin.jkt === jkt);
  const pins = pinned ? relationship.pins : [...relationship.pins, { jkt, jwk: client.encryption_key, since: new Date(now).toISOString() }];
  return { ...relationship, name: client.client_name, pins, grants: { ...relationship.grants, [consent.grant_id]: own } };
}

export async function decline(context: Context, id: string): Promise<{ redirect: string }> {
  return context.server.call("decline", { params: { id }, body: {} });
}
