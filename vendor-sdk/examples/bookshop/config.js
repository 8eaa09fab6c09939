import { join } from "node:path";

/**
 * Environment, all optional:
 *   SHOP_ORIGIN         where browsers find the shop; default http://127.0.0.1:4100
 *   SHOP_PORT           default: the origin's port
 *   SHOP_DATA           folder of keys, state and customers; default ./data/shop
 *   SHOP_SYNC_SECONDS   between two syncs in the background; default 60, 0 for none
 *   COUNTERFOIL_ISSUER  the Counterfoil server that the shop works with; default http://localhost:4000
 * @param {Readonly<Record<string, string | undefined>>} env
 */
export function readConfig(env) {
  const origin = new URL(env.SHOP_ORIGIN ?? "http://127.0.0.1:4100").origin;
  const port = Number(env.SHOP_PORT ?? (new URL(origin).port || "4100"));
  const syncSeconds = Number(env.SHOP_SYNC_SECONDS ?? 60);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new TypeError("SHOP_PORT: expected 1 to 65535");
  if (!(syncSeconds >= 0)) throw new TypeError("SHOP_SYNC_SECONDS: expected a number of seconds");
  return {
    origin,
    port,
    syncSeconds,
    data: env.SHOP_DATA ?? join("data", "shop"),
    server: env.COUNTERFOIL_ISSUER ?? "http://localhost:4000",
  };
}

/** @typedef {ReturnType<typeof readConfig>} Config */
