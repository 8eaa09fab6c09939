import { hashOfConsent } from "#protocol/consent-token.ts";
import type { Problem } from "#protocol/refusal.ts";
import type { Customer, GivenGrant } from "./customer.ts";
import { type PullOutcome, readFaults } from "./read-log.ts";
import type { TestVendor } from "./vendor.ts";

export interface StopRace {
  readonly vendor: TestVendor;
  readonly customer: Customer;
  readonly grant: GivenGrant;
  readonly token: string;
  /** The servers' own addresses: what waits at a balancer is in flight at no server. */
  readonly origins: readonly string[];
  /** Pulls that are in flight when the race begins, and those that come after the stop was answered. */
  readonly pulls: number;
  readonly later: number;
  /** After how many answers the customer stops the grant. */
  readonly after: number;
  /** Refusals that may come besides: see `readFaults`. */
  readonly others?: readonly string[];
}

export interface StopRaceResult {
  /** What is wrong, as sentences: see `readFaults`. */
  readonly faults: string[];
  readonly given: number;
  readonly refused: number;
  readonly lost: number;
  /** Pulls without an answer when the stop was sent, and when its answer had come. */
  readonly inFlight: number;
  readonly left: number;
}

/** Many pulls of one grant at several servers, while its customer stops it at one of them. */
export async function stopRace(race: StopRace): Promise<StopRaceResult> {
  const { vendor, customer, grant, token, origins, pulls, later, after, others = [] } = race;
  const url = vendor.recordsUrl(grant.grant);
  const proofs = await Promise.all(Array.from({ length: pulls + later }, () => vendor.proof("GET", url, token)));
  const act = await customer.act({ action: "revoke", grant: grant.grant, object: await hashOfConsent(grant.token) });
  let answers = 0;
  let isTime = (): void => {};
  const time = new Promise<void>((resolve) => {
    isTime = resolve;
  });
  const pull = async (index: number): Promise<PullOutcome> => {
    const asked = performance.now();
    const address = url.replace(vendor.issuer, origins[index % origins.length] ?? "");
    try {
      const response = await fetch(address, { headers: { authorization: `DPoP ${token}`, dpop: proofs[index] ?? "" } });
      const answer: unknown = await response.json();
      if (!response.ok) return { asked, is: "refused", code: (answer as Problem).code };
      return { asked, is: "given", read: (answer as { receipt: { read: number } }).receipt.read };
    } catch {
      return { asked, is: "lost" };
    } finally {
      answers++;
      if (answers >= after) isTime();
    }
  };
  const flying = Array.from({ length: pulls }, (_, index) => pull(index));
  await time;
  const inFlight = pulls - answers;
  await customer.api.call("revoke", { id: grant.grant, body: { act, askDeletion: false } });
  const revokedAt = performance.now();
  const left = pulls - answers;
  const outcomes = await Promise.all([...flying, ...Array.from({ length: later }, (_, index) => pull(pulls + index))]);
  const { history } = await customer.read();
  const count = (is: PullOutcome["is"]): number => outcomes.filter((outcome) => outcome.is === is).length;
  return {
    faults: readFaults(outcomes, history, { grant: grant.grant, revokedAt }, others),
    given: count("given"),
    refused: count("refused"),
    lost: count("lost"),
    inFlight,
    left,
  };
}
