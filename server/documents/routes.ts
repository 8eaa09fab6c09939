import type { Deps } from "../deps.ts";
import { type Http, route } from "../http.ts";
import { refuse } from "../refuse.ts";
import { GPC_PATH, OPEN_API_PATH, openApi } from "./open-api.ts";

const HEADERS = { "Content-Type": "application/json", "Cache-Control": "public, max-age=300", "X-Content-Type-Options": "nosniff" };
/** The day on which what it says was last looked at (Global Privacy Control, 4.2). */
const GPC = { gpc: true, lastUpdate: "2026-11-22" };

/** What the server says of itself to machines. */
export function documentRoutes(http: Http, { config, log }: Deps): void {
  let made: string | undefined;
  const get = (path: string, body: () => string): void =>
    route(http, log, { method: "GET", name: path, refuse }, path, async () => ({ status: 200, headers: HEADERS, body: body() }));
  // Made when it is first asked for: starting costs nothing for it.
  get(OPEN_API_PATH, () => {
    made ??= JSON.stringify(openApi(config.issuer));
    return made;
  });
  get(GPC_PATH, () => JSON.stringify(GPC));
}
