import { expect, it } from "vitest";
import { canonical, utf8 } from "#protocol/canonical.ts";
import { box } from "#protocol/sealing/box.ts";
import { randomBytes } from "#protocol/sealing/derive.ts";
import { openRecord, openShare, sealRecord, sealShare } from "#protocol/sealing/record.ts";
import { newId } from "#protocol/sealing/way-in.ts";

const VALUE = { item: "Invisible Cities" };

it("the import that brought a record is remembered with the record, and leaves with no share", async () => {
  const [key, account, grant, source] = [randomBytes(32), newId(), newId(), newId()];
  const place = { path: "purchases/p1", version: 1 };
  const record = await sealRecord(key, account, { ...place, epoch: 1 }, { value: VALUE, source });
  expect(await openRecord(key, account, record)).toEqual({ value: VALUE, source });
  const without = await sealRecord(key, account, { ...place, epoch: 1 }, { value: VALUE, source: undefined });
  expect(await openRecord(key, account, without)).toEqual({ value: VALUE });
  const share = await sealShare(key, { ...place, grant }, { value: VALUE, source });
  expect(await openShare(key, share)).toEqual({ value: VALUE });
});

it("a share that names an import is refused", async () => {
  const [key, grant, source] = [randomBytes(32), newId(), newId()];
  const place = { grant, path: "purchases/p1", version: 1 };
  const body = await box(key, utf8(canonical({ value: VALUE, source })), ["share", grant, place.path, place.version]);
  await expect(openShare(key, { ...place, body })).rejects.toMatchObject({ name: "EvidenceError", code: "malformed" });
});
