import type { ReplyOf } from "./endpoint.ts";

/**
 * The JSON of a pull. Boxes, paths, tokens and times have passed the table's patterns when they came in, none of which has a
 * character that JSON escapes; so nothing is searched for one, which for ten records costs as much as everything else in here.
 */
export function writePull({ consent, grant_key, complete, records, cursor, more, receipt }: ReplyOf<"records">): string {
  let list = "";
  for (const { path, version, body, updated } of records) {
    list += `${list === "" ? "" : ","}{"path":"${path}","version":${version},"body":"${body}","updated":"${updated}"}`;
  }
  return `{"consent":"${consent}","grant_key":"${grant_key}","complete":${complete},"records":[${list}],"cursor":"${cursor}","more":${more},"receipt":{"read":${receipt.read},"at":"${receipt.at}"}}`;
}
