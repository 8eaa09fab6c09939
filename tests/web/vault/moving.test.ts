import { expect, test } from "vitest";
import { VaultError } from "../../../web/vault/vault.ts";
import { openHouse, sharedWith, shop } from "./house.ts";

test("a store goes to another server by its kit, with what it shares and what it has ended, and goes on there under a new kit", async () => {
  await using old = await openHouse();
  await using next = await openHouse();
  const device = old.device();
  const { core } = device;
  await core.begin();
  const ended = await sharedWith(device, old, shop("Bottega Rossa", "https://rossa.example/client.json"));
  const kit = await core.makeKit();
  await core.confirmKit([kit.groups[kit.ask[0]] ?? "", kit.groups[kit.ask[1]] ?? ""]);
  const grant = await sharedWith(device, old, shop());
  await core.stop(ended, { askDeletion: true });

  const { code } = await core.move(next.origin);
  expect(device.view.moving?.to).toBe(next.origin);
  await expect(core.save({ path: "profile/name", value: { given: "Ada" } })).rejects.toMatchObject({
    message: expect.stringContaining("waits to move"),
  });

  const here = next.device();
  expect(await here.core.arrive(old.origin, code)).toEqual({ left: [] });
  const { ways } = await here.core.recover(kit.groups.join("-"));
  const after = await here.core.finishRecovery({ drop: ways.filter(({ kind }) => kind !== "kit").map(({ id }) => id) });
  expect(after.groups).not.toEqual(kit.groups);
  expect(here.view.alarms).toEqual([]);
  expect(here.view.connections.map((each) => [each.grant, each.state]).sort()).toEqual(
    [
      [grant, "active"],
      [ended, "revoked"],
    ].sort(),
  );
  await here.core.save({ path: "profile/name", value: { given: "Ada" } });
  await here.core.narrow(
    grant,
    here.view.connections.find((each) => each.grant === grant)?.details.map((detail) => ({ ...detail, retention: "P1D" })) ?? [],
  );

  await expect(core.refresh()).rejects.toBeInstanceOf(VaultError);
  await expect(core.unlock()).rejects.toMatchObject({ message: expect.stringContaining(new URL(next.origin).host) });

  // And back, by the kit that was made there.
  const again = await here.core.move(old.origin);
  const home = old.device();
  await home.core.arrive(next.origin, again.code);
  const found = await home.core.recover(after.groups.join("-"));
  await home.core.finishRecovery({ drop: found.ways.filter(({ kind }) => kind !== "kit").map(({ id }) => id) });
  expect(home.view.alarms).toEqual([]);
  expect(home.view.records.find(({ path }) => path === "profile/name")?.value).toEqual({ given: "Ada" });
});

test("a move that was called off leaves everything as it was; whoever opens the copy is told so", async () => {
  await using old = await openHouse();
  await using next = await openHouse();
  const device = old.device();
  const { core } = device;
  await core.begin();
  const kit = await core.makeKit();
  await core.confirmKit([kit.groups[kit.ask[0]] ?? "", kit.groups[kit.ask[1]] ?? ""]);
  await sharedWith(device, old, shop());
  const { code } = await core.move(next.origin);
  const here = next.device();
  await here.core.arrive(old.origin, code);
  await core.stay();
  expect(device.view.moving).toBeNull();
  await expect(here.core.recover(kit.groups.join("-"))).rejects.toMatchObject({ message: expect.stringContaining("called off") });
  expect(here.state).toBe("signed-out");
  await core.save({ path: "profile/name", value: { given: "Ada" } });
});
