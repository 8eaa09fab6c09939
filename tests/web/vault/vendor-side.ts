import type { AuthorizationDetails } from "#protocol/authorization-details.ts";
import type { Purchase } from "#protocol/data/purchases.ts";
import { type Content, grantKeyContext, openShare } from "#protocol/sealing/record.ts";
import { openSealed } from "#protocol/sealing/seal-to.ts";
import type { Edit } from "../../../web/vault/vault.ts";
import { type Device, details, type House, type Shop, thumbprintOf } from "./house.ts";

/** What a vendor would have after a pull: every share that is there, opened with its own key. */
export async function pulled(house: House, device: Device, grant: string, vendor: Shop): Promise<Record<string, Content>> {
  return Object.fromEntries([...(await versionsOf(house, device, grant, vendor))].map(([path, { content }]) => [path, content]));
}

/** The same with versions. */
export async function versionsOf(
  house: House,
  device: Device,
  grant: string,
  vendor: Shop,
): Promise<Map<string, { version: number; content: Content }>> {
  return house.storage.read(accountOf(device), async (store) => {
    const row = await store.get("grants", grant);
    const key = await openSealed(vendor.privateKey, row?.grantKey ?? "", grantKeyContext(grant, vendor.clientId));
    const shares = await store.list("shares", { prefix: `${grant}/`, limit: 20_000 });
    return new Map(
      await Promise.all(
        shares.map(
          async ([, { path, version, body }]) =>
            [path, { version, content: await openShare(key, { grant, path, version, body }) }] as const,
        ),
      ),
    );
  });
}

/** Every share that this device has ever sent for a grant, opened with the vendor's key. */
export async function everShared(house: House, device: Device, grant: string, vendor: Shop): Promise<Content[]> {
  const row = await house.storage.read(accountOf(device), (store) => store.get("grants", grant));
  const key = await openSealed(vendor.privateKey, row?.grantKey ?? "", grantKeyContext(grant, vendor.clientId));
  const shares = commitsOf(device).flatMap(({ shares }) => shares.filter((share) => share.grant === grant));
  return Promise.all(shares.map((share) => openShare(key, share)));
}

export interface SentCommit {
  readonly head: string;
  readonly records: ReadonlyArray<{ path: string }>;
  readonly shares: ReadonlyArray<{ grant: string; path: string; version: number; body: string }>;
  readonly consent: { complete: boolean } | null;
}

export const commitsOf = ({ sent }: Device): SentCommit[] =>
  sent.filter((body) => body.startsWith('{"expectedSeq"')).map((body) => JSON.parse(body) as SentCommit);

export function accountOf(device: Device): string {
  const head = commitsOf(device).at(-1)?.head ?? "";
  return JSON.parse(Buffer.from(head.split(".")[1] ?? "", "base64url").toString()).account;
}

/** Makes and confirms a kit. */
export async function confirmedKit(device: Device): Promise<void> {
  const { groups, ask } = await device.core.makeKit();
  await device.core.confirmKit([groups[ask[0]] ?? "", groups[ask[1]] ?? ""]);
}

/** One approval of exactly what was asked. */
export async function granted(
  device: Device,
  house: House,
  vendor: Shop,
  asked: AuthorizationDetails | string[],
  edits: Edit[] = [],
): Promise<string> {
  const wanted = typeof asked[0] === "string" ? details(asked as string[], house.clock.now()) : (asked as AuthorizationDetails);
  const request = await house.asks(vendor, wanted);
  await device.core.request(request, await thumbprintOf(vendor));
  const { grant } = await device.core.approve({ request, details: wanted, edits, notice: { text: "", language: "en" } });
  return grant;
}

export const bought = (item: string, more: Partial<Purchase> = {}): Purchase => ({
  item,
  seller: "Libreria Aldina",
  date: "2026-05-01",
  category: "books",
  recipient: "self",
  ...more,
});

export const pathOf = ({ view }: Device, item: string): string =>
  view.records.find(({ value }) => (value as Partial<Purchase> | null)?.item === item)?.path ?? "";

export const valuesOf = (shared: Record<string, Content>): unknown[] =>
  Object.values(shared).flatMap((content) => ("removed" in content ? [] : [content.value]));
