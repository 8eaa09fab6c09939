import { Refusal } from "#protocol/refusal.ts";
import type { Deps } from "../deps.ts";
import { type Http, type HttpContext, route, type Served } from "../http.ts";
import { refuse } from "../refuse.ts";
import { plainHeaders } from "./headers.ts";
import { SCREENS } from "./web-app.ts";

/** The app's page, which says that there is nothing here, for whoever went to a strange address in a browser. */
export function strangePage({ req, env }: HttpContext, { web }: Deps): Served | undefined {
  if (web === undefined || (req.method !== "GET" && req.method !== "HEAD") || /^\/(api|oauth|\.well-known)(\/|$)/.test(req.path))
    return undefined;
  const { "sec-fetch-dest": destination, accept = "" } = env.incoming.headers;
  if (destination === undefined ? !accept.includes("text/html") : destination !== "document") return undefined;
  return { status: 404, headers: web.page.headers, body: web.page.body };
}

/** The customer's app: its page for each screen, and its files. */
export function webRoutes(http: Http, { web, log }: Deps): void {
  for (const screen of SCREENS) {
    route(http, log, { method: "GET", name: screen, refuse }, screen, async (context) => {
      const destination = context.env.incoming.headers["sec-fetch-dest"];
      // The screen on which one answers is opened by navigation or not at all.
      if (screen === "/ask/:id" && destination !== undefined && destination !== "document")
        throw new Refusal("forbidden_origin", "This page opens only by itself.");
      if (web === undefined)
        return { status: 404, headers: plainHeaders, body: "The app is not built. Run the build, then start the server again.\n" };
      return { status: 200, headers: web.page.headers, body: web.page.body };
    });
  }
  if (web === undefined) return;
  for (const [address, file] of web.files) {
    route(http, log, { method: "GET", name: "(file)", refuse }, address, async () => ({
      status: 200,
      headers: file.headers,
      body: file.body,
    }));
  }
}
