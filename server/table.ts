import { API } from "#protocol/api.ts";
import { MOVE_API } from "#protocol/move-package.ts";
import { VENDOR_API } from "#protocol/vendor-api.ts";

/** Every endpoint that is served besides OAuth's own. */
export const TABLE = { ...API, ...VENDOR_API, ...MOVE_API };
export type Table = typeof TABLE;
export type Name = keyof Table;
