import * as v from "valibot";
import { HistoryEntry } from "#protocol/api.ts";
import type { LineRow } from "../rows.ts";

/** Whether a text names a kind of line that a history has. */
export const isLineType = (text: string): text is LineRow["type"] => v.is(HistoryEntry.entries.type, text);
