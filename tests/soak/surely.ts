import { setTimeout as sleep } from "node:timers/promises";
import type { Commit } from "#protocol/api.ts";
import { Refused } from "../support/api-client.ts";
import type { Customer } from "../support/customer.ts";

/** How often something was not answered, or answered that it can't be done now. */
export const troubles = { cut: 0, unavailable: 0 };

/** Whether it may have been the weather: the server was killed, its database was down, too much came at once. */
export function isWeather(error: unknown): boolean {
  if (!(error instanceof Refused)) {
    // `fetch` says no more of a connection that was cut.
    const isCut =
      error instanceof TypeError ||
      (error instanceof Error && ["AbortError", "TimeoutError"].includes(error.name)) ||
      error instanceof SyntaxError;
    if (isCut) troubles.cut++;
    return isCut;
  }
  const { status } = error.response;
  if (status === 503 && error.response.headers.get("retry-after") === null) throw new Error("503 without Retry-After");
  if (status === 503) troubles.unavailable++;
  return status === 503 || status === 429;
}

/** Does something that may be done twice, until it is answered. */
export async function untilAnswered<Result>(work: () => Promise<Result>, patience = 60_000): Promise<Result> {
  const end = performance.now() + patience;
  for (let wait = 20; ; wait = Math.min(1_000, wait * 2))
    try {
      return await work();
    } catch (error) {
      if (!isWeather(error) || performance.now() > end) throw error;
      await sleep(wait * (0.5 + Math.random()));
    }
}

/**
 * Sends a commit until it is known what became of it, as a device does whose answer was lost: where the server has this very head, it was
 * done. Answers whether the server itself said so at once.
 */
export async function commitSurely(customer: Customer, body: Commit): Promise<{ redirect: string | null } | "found"> {
  let lost = false;
  return untilAnswered(async () => {
    if (lost) {
      const { head } = await customer.api.call("session");
      if (head === body.head) {
        await customer.done(body);
        return "found" as const;
      }
      if (head !== customer.head) throw new Error("the server has a head that this device did not make: an answered commit is lost");
    }
    lost = true;
    const reply = await customer.api.call("commit", { body });
    await customer.done(body);
    return { redirect: reply.redirect ?? null };
  });
}
