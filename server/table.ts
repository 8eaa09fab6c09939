import { API } from "#protocol/api.ts";
import { VENDOR_API } from "#protocol/vendor-api.ts";

/** Every endpoint that is served besides OAuth's own. */
export const TABLE = { ...API, ...VENDOR_API };
export type Table = typeof TABLE;
export type Name = keyof Table;
