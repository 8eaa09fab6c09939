import { cp } from "node:fs/promises";
import { join } from "node:path";
import { covers } from "#protocol/paths.ts";
import type { Content } from "#protocol/sealing/record.ts";
import { Clock } from "../support/clock.ts";
import { Customer, type GivenGrant } from "../support/customer.ts";
import { freePort } from "../support/free-port.ts";
import { type RunningProcess, startProcess } from "../support/process.ts";
import { scratchFolder } from "../support/scratch-folder.ts";
import { type System, startSystem } from "../support/system.ts";
import { installPacked } from "./packed.ts";

const source = join(import.meta.dirname, "..", "..", "vendor-sdk", "examples", "bookshop");

type Button = "/ask" | "/sync" | "/more" | "/order" | "/release";

export interface Bookshop extends AsyncDisposable {
  readonly origin: string;
  /** Its data folder. */
  readonly data: string;
  readonly system: System;
  readonly process: RunningProcess;
  /** Presses one of the shop's buttons, as a form of `from`. */
  press(path: Button, from?: string, sent?: { cookie?: string; form?: Record<string, string> }): Promise<Response>;
  /** A new customer presses "Use my Counterfoil": the request's id, and the cookie of their session. */
  visit(): Promise<{ customer: Customer; request: string; cookie: string }>;
  /** And shares. `paths`: only these of what was asked, each under its own purpose. */
  share(contents: Record<string, Content>, paths?: string[]): Promise<{ customer: Customer; given: GivenGrant; cookie: string }>;
}

export const locationOf = (response: Response): string => response.headers.get("location") ?? "";

/** The sample shop as a process of its own on the packed SDK, beside a real server. It syncs only when told. */
export async function openBookshop(): Promise<Bookshop> {
  const folder = await scratchFolder();
  const home = await installPacked(folder.path);
  await cp(source, home, { recursive: true, filter: (path) => !path.includes("node_modules") });
  const system = await startSystem({ clock: new Clock(Date.now()) });
  // The shop has the machine's clock, so the server goes along with it.
  const ticking = setInterval(() => system.clock.pass(Date.now() - system.clock.now()), 200);
  const origin = `http://127.0.0.1:${await freePort()}`;
  const data = join(folder.path, "data");
  const env = { SHOP_ORIGIN: origin, SHOP_PORT: undefined, SHOP_DATA: data, SHOP_SYNC_SECONDS: "0", COUNTERFOIL_ISSUER: system.issuer };
  const process_ = await startProcess(process.execPath, ["shop.js"], { cwd: home, env, ready: /is open at/ });

  const press: Bookshop["press"] = (path, from = origin, { cookie = "", form = {} } = {}) =>
    fetch(origin + path, { method: "POST", headers: { origin: from, cookie }, redirect: "manual", body: new URLSearchParams(form) });
  const visit: Bookshop["visit"] = async () => {
    const asked = await press("/ask");
    const cookie = (asked.headers.get("set-cookie") ?? "").split(";")[0] ?? "";
    const arrival = await fetch(locationOf(asked), { redirect: "manual" });
    return {
      customer: await Customer.register(system.issuer, system.clock.now),
      request: locationOf(arrival).replace(/^.*\/ask\//, ""),
      cookie,
    };
  };
  return {
    origin,
    data,
    system,
    process: process_,
    press,
    visit,
    async share(contents, paths) {
      const { customer, request, cookie } = await visit();
      const { authorization_details } = await customer.api.call("request", { id: request });
      const details = authorization_details
        .map((each) => ({ ...each, paths: paths?.filter((path) => each.paths.some((wide) => covers(wide, path))) ?? each.paths }))
        .filter((each) => each.paths.length > 0);
      return { customer, given: await customer.approve(request, { details, contents }), cookie };
    },
    async [Symbol.asyncDispose]() {
      clearInterval(ticking);
      await process_[Symbol.asyncDispose]();
      await system[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}
