import type { Demand } from "./negative-cases.ts";
import { type Answer, jsonOf } from "./wire.ts";

export type Outcome = readonly [status: number, error: string];

/** Status and error as they came. On a page: no place to go on to, and nothing but words. */
export function outcomeOf(answer: Answer, demands: Demand): Outcome {
  const { status, headers } = answer;
  if ("resource" in demands) return [status, /\berror="([^"]*)"/.exec(headers["www-authenticate"] ?? "")?.[1] ?? "none"];
  const { error } = jsonOf(answer);
  if ("errors" in demands) return [status, String(error)];
  if (headers.location !== undefined) return [status, `redirect: ${new URL(headers.location, "http://here").searchParams.get("error")}`];
  const words = headers["content-type"]?.startsWith("text/") && headers.location === undefined && /\w+ \w+ \w+/.test(answer.text);
  return [status, words && error === undefined ? "page" : "not a page"];
}

/** Whether the suite takes it. */
export function isWithin([status, error]: Outcome, demands: Demand): boolean {
  if ("errors" in demands) return demands.errors[error]?.includes(status) ?? false;
  if ("resource" in demands) return demands.resource.includes(status);
  return status >= 400 && status < 500 && error === "page";
}
