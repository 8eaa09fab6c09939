import { expect, test } from "vitest";
import { type Device, details, openHouse, shop } from "./house.ts";
import { bought, confirmedKit, granted, pathOf, pulled } from "./vendor-side.ts";

const seller = (at: number): string => `${String(at).padStart(3, "0")}${"書".repeat(117)}`;
const PATHS = ["purchases:shops", "purchases:tastes", "preferences/contact"];
const asked = (now: number) => details(PATHS, now, { purpose: "https://w3id.org/dpv#ProvideProductRecommendations" });
const named = (shared: Awaited<ReturnType<typeof pulled>>): readonly string[] => {
  const content = shared["purchases:shops"];
  return content !== undefined && "value" in content ? (content.value as { shops: string[] }).shops : [];
};

test("a gift leaves every shop's digests, even where they don't fit into one commit", { timeout: 60_000 }, async () => {
  await using house = await openHouse();
  const device: Device = house.device();
  await device.core.begin();
  await device.core.saveAll({
    edits: Array.from({ length: 40 }, (_, at) => ({ path: "purchases", value: bought(`Book ${at}`, { seller: seller(at) }) })),
  });
  await confirmedKit(device);
  const grants: Array<{ grant: string; vendor: ReturnType<typeof shop> }> = [];
  for (let at = 0; at < 45; at++) {
    const vendor = shop(`Shop ${at}`, `https://shop-${at}.example/client.json`);
    grants.push({ vendor, grant: await granted(device, house, vendor, asked(house.clock.now())) });
  }
  const path = pathOf(device, "Book 7");
  await device.core.save({ path, value: bought("Book 7", { seller: seller(7), recipient: "gift" }) });
  for (const { grant, vendor } of grants) expect(named(await pulled(house, device, grant, vendor))).not.toContain(seller(7));
});
