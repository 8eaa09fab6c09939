import type { BulkReader } from "../server/bulk-reader.ts";
import { Refused } from "../support/api-client.ts";
import { logFaults } from "../support/read-log.ts";
import type { Person } from "./person.ts";
import { untilAnswered } from "./surely.ts";

/** What was answered and found again. */
export interface Verdict {
  readonly commits: number;
  readonly consents: number;
  readonly revocations: number;
  readonly reads: number;
  /** Grants of which the bulk reader holds just what a pull gives. */
  readonly bulkGrants: number;
  /** Grants that it couldn't read any more just then, as it was told. */
  readonly held: number;
}

/** Looks for everything that was answered. @throws {Error} naming the first thing that isn't there */
export async function verdict(people: readonly Person[], bulk: BulkReader): Promise<Verdict> {
  bulk.vendor.forgetOwnTokens();
  await untilAnswered(() => bulk.readAll());
  let [commits, consents, revocations, reads, bulkGrants, heldGrants] = [0, 0, 0, 0, 0, 0];
  for (const person of people) {
    const { customer } = person;
    const whole = await untilAnswered(() => customer.read());
    if (whole.head !== customer.head) throw new Error("the head is not the one of the last answered commit");
    commits += person.commits;
    for (const story of person.stories) {
      const view = whole.grants.find(({ grant }) => grant === story.grant);
      if (view === undefined) throw new Error("an answered consent is not there");
      consents++;
      if (story.revoked !== undefined) {
        if (view.ended?.state !== "revoked") throw new Error("an answered revocation is not there");
        revocations++;
      }
      const lines = whole.history.filter(({ grant }) => grant === story.grant);
      const [fault] = logFaults(lines, story.reads);
      if (fault !== undefined) throw new Error(fault);
      reads += story.reads.length;
      const held = bulk.grants.get(story.grant);
      if (view.ended !== null) {
        if (held !== undefined && held.state !== "ended") throw new Error("the bulk reader was not told of an end");
        continue;
      }
      if (held?.state === "held") {
        heldGrants++;
        continue;
      }
      const shares = whole.shares.filter(({ grant }) => grant === story.grant);
      for (const { path, version } of shares)
        if (held?.records.get(path)?.version !== version) throw new Error("the bulk reader missed a change");
      bulkGrants++;
      // Throws where a living grant can't be read, but for its frequency.
      await untilAnswered(() => person.read(story));
    }
  }
  for (const person of people)
    for (const story of person.stories)
      if (story.revoked !== undefined && story.refresh !== undefined) {
        const outcome = await person.read(story).catch((error: unknown) => {
          if (error instanceof Refused) return "refused" as const;
          throw error;
        });
        if (outcome === "read") throw new Error("a revoked grant was read");
      }
  return { commits, consents, revocations, reads, bulkGrants, held: heldGrants };
}
