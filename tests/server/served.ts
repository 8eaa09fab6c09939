import { makeApp } from "../../server/app.ts";
import { readConfig } from "../../server/configuration/config.ts";
import { type System, silentLog } from "../support/system.ts";

/** Every route of a server over this system's storage, with its path as the tables say it. */
export async function served(system: System): Promise<Array<{ method: string; path: string }>> {
  const { http } = await makeApp({
    config: { ...readConfig({ COUNTERFOIL_ISSUER: system.issuer }), web: "none" },
    storage: system.storage,
    log: silentLog,
    now: system.clock.now,
    started: 0,
  });
  return http.routes.map(({ method, path }) => ({ method, path: path.replace(/:(\w+)/g, "{$1}") }));
}
