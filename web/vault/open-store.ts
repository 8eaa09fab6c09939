import * as v from "valibot";
import { isEnded } from "#protocol/grant.ts";
import { EvidenceError } from "#protocol/jws.ts";
import { type Content, openRecord } from "#protocol/sealing/record.ts";
import { type KnownAliases, learnAliases } from "./aliases.ts";
import type { Place } from "./assertion.ts";
import { judgeGrants, type KnownGrant, type SeenAttestations, stateOfGrant, type VerifiedConsents } from "./grants.ts";
import { type Keyring, keyOfEpoch } from "./keyring.ts";
import type { Remembered } from "./memory.ts";
import { grantKeyOf, RELATIONSHIPS, Relationship } from "./relationship.ts";
import type { Replica } from "./replica.ts";
import type { Alarm } from "./vault.ts";

/** An open store: what is verified, opened and judged. Replaced whole by every reading. */
export interface OpenStore {
  readonly keyring: Keyring;
  readonly replica: Replica;
  readonly contents: ReadonlyMap<string, Content>;
  readonly relationships: ReadonlyMap<string, Relationship>;
  readonly grants: ReadonlyMap<string, KnownGrant>;
  readonly verified: VerifiedConsents;
  readonly attestations: SeenAttestations;
  /** Of the grants that have not ended. */
  readonly aliases: KnownAliases;
  readonly alarms: readonly Alarm[];
  /** This browser's own way in. */
  readonly device: string | undefined;
  /** Grants whose last consent the server has lost. */
  readonly lost: readonly string[];
  /** The server was put back to before what this device has seen, and its customer hasn't said yet that they go on from there. */
  readonly behind: Behind | undefined;
}

export interface Behind {
  /** The highest head that this device has seen. */
  readonly seen: number;
  /** What was open here before. */
  readonly held: OpenStore | undefined;
}

/** Opens what changed since `before`. */
export async function openStore(
  keyring: Keyring,
  replica: Replica,
  before: OpenStore | undefined,
  evidence: { remembered: Remembered | undefined; place: Place; now: number; behind?: Behind | undefined },
): Promise<OpenStore> {
  const contents = new Map(before?.contents);
  const relationships = new Map(before?.relationships);
  const changed = [...replica.records.values()].filter((record) => before?.replica.records.get(record.path)?.body !== record.body);
  const opened = await Promise.all(changed.map((record) => openRecord(keyOfEpoch(keyring, record.epoch), replica.account, record)));
  for (const [at, { path }] of changed.entries()) {
    const content = opened[at] as Content;
    contents.set(path, content);
    if (!path.startsWith(`${RELATIONSHIPS}/`)) continue;
    if ("removed" in content) relationships.delete(path);
    else relationships.set(path, relationshipOf(content));
  }
  const verified = before?.verified ?? new Map();
  const attestations: SeenAttestations = before?.attestations ?? new Map();
  const { grants, alarms } = await judgeGrants(replica, relationships, { ...evidence, verified, attestations });
  const aliases: KnownAliases = before?.aliases ?? new Map();
  for (const known of grants.values()) {
    if (isEnded(stateOfGrant(known, evidence.now))) continue;
    const grant = { id: known.grant, key: grantKeyOf(known.own), details: known.consent.authorization_details };
    await learnAliases(aliases, grant, aliases.has(known.grant) ? changed.map(({ path }) => path) : contents.keys());
  }
  const { remembered, behind } = evidence;
  const device = remembered?.device?.way;
  const lost = remembered?.lost ?? [];
  return { keyring, replica, contents, relationships, grants, verified, attestations, aliases, alarms, device, lost, behind };
}

function relationshipOf(content: Content): Relationship {
  const parsed = v.safeParse(Relationship, "value" in content ? content.value : undefined);
  if (!parsed.success) throw new EvidenceError("malformed", "a relationship of this store has an unknown shape");
  return parsed.output;
}
