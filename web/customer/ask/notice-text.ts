import type { Client } from "#protocol/api.ts";
import type { AuthorizationDetails } from "#protocol/authorization-details.ts";
import { words } from "../../locales/words.ts";
import { consequenceWords, formWords, kindTitle, periodWords, purposeWords } from "../labels.ts";
import { filterWords } from "./filter-words.ts";

/**
 * The words that were shown before sharing, for the hash in the consent. Without any value: a hash of few possible texts
 * would give a value away to whoever tries them.
 */
export function noticeText(title: string, client: Client, granted: AuthorizationDetails, gpc: boolean): string {
  const t = words().ask;
  const lines = granted.flatMap((detail) => [
    purposeWords(detail.purpose).long,
    ...Object.values(detail.explanation ?? {}),
    `${t.what} ${[...new Set(detail.paths.map((path) => `${kindTitle(path)}, ${formWords(path, path.split(":")[1])}`))].join("; ")}`,
    ...(detail.filter === undefined ? [] : [`${t.only} ${filterWords(detail.filter).join("; ")}`]),
    `${t.until} ${detail.expires}`,
    `${t.often} ${detail.frequency === undefined ? t.oftenFree : `${detail.frequency.max} ${detail.frequency.per ?? ""}`}`,
    `${t.keeps} ${t.keepsFor(periodWords(detail.retention))}`,
    `${t.who} ${(detail.recipients ?? []).join(", ") || t.whoNone}`,
    `${t.where} ${(detail.storage_countries ?? []).join(", ") || t.whereNone}`,
    `${t.refuse} ${consequenceWords(detail.if_refused)}`,
  ]);
  return [title, client.legal_name, client.domain, ...lines, ...(gpc ? [t.gpc] : []), t.next].join("\n");
}
