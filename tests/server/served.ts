import { makeApp } from "../../server/app.ts";
import { RATES } from "../../server/config.ts";
import { type System, silentLog } from "../support/system.ts";

/** Every route of a server over this system's storage, with its path as the tables say it. */
export async function served(system: System): Promise<Array<{ method: string; path: string }>> {
  const { http } = await makeApp({
    config: {
      issuer: system.issuer,
      host: "",
      port: 0,
      data: "",
      clients: "open",
      web: "none",
      proxies: 0,
      keyAge: 86_400_000,
      nonces: "start",
      rates: RATES,
    },
    storage: system.storage,
    log: silentLog,
    now: system.clock.now,
    started: 0,
  });
  return http.routes.map(({ method, path }) => ({ method, path: path.replace(/:(\w+)/g, "{$1}") }));
}
