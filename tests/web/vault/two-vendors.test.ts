import { afterEach, describe, expect, it, vi } from "vitest";
import { type AuthorizationDetails, CONSENT_TYPE } from "#protocol/authorization-details.ts";
import { thumbprint } from "#protocol/jws.ts";
import { noticeText } from "../../../web/customer/ask/notice-text.ts";
import { loadAreas, loadWords } from "../../../web/locales/words.ts";
import { MINUTE } from "../../support/clock.ts";
import { TestVendor, type TokenReply } from "../../support/vendor.ts";
import { type Device, type House, openHouse } from "./house.ts";

const LEAST = 16;
const PAUSED = "The customer has paused this grant. Try again later.";
const ADDRESS = { street: "Strada Clinicilor 5", locality: "Cluj-Napoca", countryCode: "RO" };

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

/** Everything that reaches one vendor: answers with their headers, and where the customer's browser comes back to. */
interface Connection {
  readonly vendor: TestVendor;
  readonly grant: string;
  readonly tokens: TokenReply;
  readonly received: string[];
}

/** Notes every answer that comes while `work` runs. `date` is everyone's. */
async function listening<T>(received: string[], work: () => Promise<T>): Promise<T> {
  const real = globalThis.fetch;
  const spy = vi.spyOn(globalThis, "fetch").mockImplementation(async (...asked) => {
    const response = await real(...asked);
    received.push(...[...response.headers].flatMap(([name, value]) => (name === "date" ? [] : [value])), await response.clone().text());
    return response;
  });
  try {
    return await work();
  } finally {
    spy.mockRestore();
  }
}

async function opened(house: House): Promise<Device> {
  const device = house.device();
  await device.core.begin();
  await device.core.save({ path: "profile/name", value: { given: "Mira", surname: "Ionescu" } });
  await device.core.save({ path: "profile/emails", value: { address: "mira@example.org" } });
  await device.core.save({ path: "profile/addresses", value: ADDRESS });
  const kit = await device.core.makeKit();
  await device.core.confirmKit([kit.groups[kit.ask[0]] ?? "", kit.groups[kit.ask[1]] ?? ""]);
  return device;
}

const pathOf = ({ view }: Device, kind: string): string => view.records.find((record) => record.kind === kind)?.path ?? "";

/** The name, one e-mail and the town of an address, all through the app's own core. */
async function connected(house: House, device: Device, vendor: TestVendor, explanation: string): Promise<Connection> {
  const received: string[] = [];
  const asked = vendor.ask({ paths: ["profile/name", "profile/emails", "profile/addresses"], explanation: { en: explanation } });
  const { body } = await listening(received, () => vendor.par([asked]));
  const request = ((await vendor.authorize(body.request_uri)).headers.get("location") ?? "").replace("/ask/", "");
  const { client } = await device.core.request(request, await thumbprint(vendor.encryption));
  const details: AuthorizationDetails = [
    { ...asked, paths: ["profile/name", pathOf(device, "profile/emails"), `${pathOf(device, "profile/addresses")}:town`] },
  ];
  const notice = { text: noticeText("", client, details, false), language: "en" };
  const { redirect, grant } = await device.core.approve({ request, details, edits: [], notice });
  received.push(redirect);
  const { body: tokens } = await listening(received, () => vendor.redeem(redirect));
  house.clock.pass(MINUTE);
  return { vendor, grant, tokens, received };
}

const pull = ({ vendor, grant, tokens, received }: Connection, since?: string) =>
  listening(received, () => vendor.pull(tokens.access_token, grant, since));

/** Every text in what a vendor received, taken apart as far as it can without a key. */
function textsOf(value: unknown): string[] {
  if (typeof value === "object" && value !== null) return Object.values(value).flatMap(textsOf);
  const text = String(value);
  if (/^https?:/.test(text)) {
    const { origin, pathname, searchParams } = new URL(text);
    return [origin + pathname, ...[...searchParams.values()].flatMap(textsOf)];
  }
  const inside = parsed(text);
  if (typeof inside === "object" && inside !== null) return textsOf(inside);
  if (/^[\w-]+(\.[\w-]*)+$/.test(text)) return text.split(".").flatMap(textsOf);
  if (!/^[\w-]{16,}$/.test(text)) return [text];
  const bytes = Buffer.from(text, "base64url");
  const decoded = parsed(bytes.toString());
  if (typeof decoded === "object" && decoded !== null) return textsOf(decoded);
  // A value at another offset of a base64url text looks different: compared as hex too.
  return [text, bytes.toString("hex")];
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What everyone knows: the server's own name and key, words of the protocol, and the hour in which something changed. */
const isPublic = (house: House, text: string): boolean =>
  text.startsWith(house.origin) ||
  text.startsWith("https://w3id.org/") ||
  [CONSENT_TYPE, PAUSED].includes(text) ||
  /^\d{4}-\d\d-\d\dT\d\d:00:00\.000Z$/.test(text);

function inCommon(house: House, one: Connection, two: Connection, serverKey: readonly string[]): string[] {
  const windows = ({ received }: Connection): Set<string> =>
    new Set(
      received
        .flatMap(textsOf)
        .filter((text) => !isPublic(house, text) && !serverKey.includes(text))
        // Of a path only its last part names anything of a customer.
        .flatMap((text) => text.split(/\/|:(?=[a-z])/))
        .flatMap((text) => Array.from({ length: Math.max(0, text.length - LEAST + 1) }, (_, at) => text.slice(at, at + LEAST))),
    );
  const first = windows(one);
  return [...windows(two)].filter((each) => first.has(each));
}

const serverKeyOf = async ({ origin }: House): Promise<string[]> =>
  textsOf(((await (await fetch(`${origin}/.well-known/jwks.json`)).json()) as { keys: [{ kid: string }] }).keys[0].kid);

const headersOf = async ({ origin }: House): Promise<string[]> => [...(await fetch(`${origin}/api/none`)).headers.values()];

describe("two vendors that were given the same name, e-mail and town", () => {
  it("have nothing in common but the values", async () => {
    vi.stubGlobal("document", { documentElement: {} });
    await loadWords("en");
    await loadAreas(["form", "connection", "ask"]);
    await using house = await openHouse();
    const device = await opened(house);
    await using shopVendor = await TestVendor.start(house.origin, house.clock.now);
    await using bankVendor = await TestVendor.start(house.origin, house.clock.now);
    const both: Connection[] = [];
    const cursors: string[] = [];
    for (const [vendor, explanation] of [
      [shopVendor, "To write to you about your orders."],
      [bankVendor, "So that letters from us arrive."],
    ] as const) {
      const connection = await connected(house, device, vendor, explanation);
      cursors.push((await pull(connection)).cursor);
      both.push(connection);
      house.clock.pass(11 * MINUTE);
    }
    const [shop, bank] = both as [Connection, Connection];
    await device.core.save({ path: pathOf(device, "profile/emails"), value: { address: "mira@new.example" } });
    await device.core.save({ path: pathOf(device, "profile/addresses"), value: { ...ADDRESS, locality: "Sibiu" } });
    const values: unknown[] = [];
    for (const [at, connection] of both.entries()) {
      const { vendor, grant, tokens, received } = connection;
      house.clock.pass(11 * MINUTE);
      const { body } = await listening(received, () => vendor.token({ grant_type: "refresh_token", refresh_token: tokens.refresh_token }));
      const page = await pull({ ...connection, tokens: body }, cursors[at]);
      values.push(
        Object.values(await vendor.open(grant, page))
          .map((content) => JSON.stringify(content))
          .sort(),
      );
      await device.core.pause(grant);
      await listening(received, () => vendor.pullRaw(body.access_token, grant));
    }
    expect(values[0], "the same values are there to be linked").toEqual(values[1]);
    expect(values[0]).toEqual(['{"value":{"address":"mira@new.example"}}', '{"value":{"countryCode":"RO","locality":"Sibiu"}}']);

    const serverKey = await serverKeyOf(house);
    const everyone = new Set(await headersOf(house));
    const without = (connection: Connection): Connection => ({
      ...connection,
      received: connection.received.filter((text) => !everyone.has(text)),
    });
    for (const { received } of both) {
      const texts = received.flatMap(textsOf);
      expect(texts.filter((text) => text.length >= LEAST).length).toBeGreaterThan(60);
      // What has to be under the knife, or this test proves nothing.
      for (const part of ['"grant_key"', '"refresh_token"', '"authorization_details"', '"cursor"', '"receipt"', "?code="])
        expect(received.join("\n")).toContain(part);
    }
    expect(inCommon(house, without(shop), without(bank), serverKey)).toEqual([]);

    // The customer's own names of her records are at neither.
    const own = ["profile/emails", "profile/addresses"].map((kind) => pathOf(device, kind).split("/").at(-1) ?? "");
    for (const id of own) {
      expect(id).toMatch(/^[\w-]{22}$/);
      expect(both.flatMap(({ received }) => received.flatMap(textsOf)).join("\n")).not.toContain(id);
    }
    // One name that both knew would show.
    const leaked = both.map((connection) => ({
      ...without(connection),
      received: [...without(connection).received, `profile/emails/${own[0]}`],
    }));
    expect(inCommon(house, leaked[0] as Connection, leaked[1] as Connection, serverKey)).not.toEqual([]);
  });

  it("can't tell from cursors and receipts what else happens in her store", async () => {
    vi.stubGlobal("document", { documentElement: {} });
    await loadWords("en");
    await loadAreas(["form", "connection", "ask"]);
    await using house = await openHouse();
    await using vendor = await TestVendor.start(house.origin, house.clock.now);
    await using other = await TestVendor.start(house.origin, house.clock.now);
    const seen: unknown[] = [];
    for (const busy of [false, true]) {
      const device = await opened(house);
      const elsewhere = busy ? await connected(house, device, other, "Another shop.") : undefined;
      const connection = await connected(house, device, vendor, "To write to you about your orders.");
      const pages = [];
      let cursor: string | undefined;
      for (let round = 0; round < 3; round++) {
        if (elsewhere !== undefined) await pull(elsewhere);
        if (busy) await device.core.save({ path: "preferences/sizes", value: { shoes: `4${round}` } });
        const page = await pull(connection, cursor);
        cursor = page.cursor;
        pages.push({ cursor, read: page.receipt.read, values: page.records.length });
      }
      seen.push(pages);
    }
    expect(seen[1]).toEqual(seen[0]);
  });
});

describe("the customer's own screens", () => {
  it("name the record that a vendor has, under the path that the customer knows; only the receipt has the vendor's", async () => {
    vi.stubGlobal("document", { documentElement: {} });
    await loadWords("en");
    await loadAreas(["form", "connection", "ask"]);
    await using house = await openHouse();
    const device = await opened(house);
    await device.core.save({ path: "profile/emails", value: { address: "private@example.org" } });
    await using vendor = await TestVendor.start(house.origin, house.clock.now);
    const connection = await connected(house, device, vendor, "To write to you.");
    const page = await pull(connection);
    const again = house.device({ authenticator: device.authenticator });
    await again.core.unlock();
    for (const { core, view } of [device, again]) {
      const emailOf = (address: string) => view.records.find(({ value }) => JSON.stringify(value) === JSON.stringify({ address }));
      const [shared, kept] = [emailOf("mira@example.org"), emailOf("private@example.org")];
      const until = "2027-02-19T10:00:00.000Z";
      expect(shared?.sharedWith).toEqual([{ grant: connection.grant, name: "Libreria Aldina", path: shared?.path, until }]);
      expect(kept?.sharedWith).toEqual([]);
      const [shown] = view.connections;
      const town = `${pathOf(device, "profile/addresses")}:town`;
      expect(shown?.details[0]?.paths).toEqual(["profile/name", shared?.path, town]);
      expect(shown?.shared).toEqual(
        expect.arrayContaining([
          { path: "profile/name", value: { given: "Mira", surname: "Ionescu" } },
          { path: shared?.path, value: { address: "mira@example.org" } },
          { path: town, value: { locality: "Cluj-Napoca", countryCode: "RO" } },
        ]),
      );
      const { claims } = (await core.receipt(connection.grant)) as { claims: { authorization_details: AuthorizationDetails } };
      expect(claims.authorization_details[0]?.paths.toSorted()).toEqual(page.records.map(({ path }) => path).sort());
    }
    await device.core.refresh();
    expect(device.view.connections[0]?.reads[0]?.paths.toSorted()).toEqual(device.view.connections[0]?.details[0]?.paths.toSorted());
  });
});
