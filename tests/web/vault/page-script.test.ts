import { expect, it } from "vitest";
import { details, openHouse, sharedWith, shop } from "./house.ts";

it("no script in the page can write among the customer's own cards of vendors, which hold keys", async () => {
  await using house = await openHouse();
  const device = house.device();
  await device.core.begin();
  await sharedWith(device, house, shop());
  const [path = ""] = JSON.stringify(device.sent).match(/relationships\/[A-Za-z0-9_-]{22}/) ?? [];
  expect(path).not.toBe("");
  for (const attempt of [
    device.core.save({ path: "relationships", value: {} }),
    device.core.save({ path, value: {} }),
    device.core.remove(path),
    device.core.preview(details(["profile"], house.clock.now()), [{ path, value: {} }]),
  ])
    await expect(attempt).rejects.toMatchObject({ code: "invalid" });
  const again = house.device({ authenticator: device.authenticator, memory: device.memory });
  await again.core.unlock();
  expect(again.view.alarms).toEqual([]);
  expect(again.view.connections).toHaveLength(1);
});

it("a request is answered as it was first shown: a vendor, key or details that change later are refused before the passkey is asked", async () => {
  await using house = await openHouse();
  const device = house.device();
  await device.core.begin();
  const [shown, other] = [shop(), shop("Altra Libreria", "https://altra.example/client.json")];
  const asked = details(["profile/emails"], house.clock.now());
  for (const swap of [
    { client_id: other.clientId },
    { client_name: "Somebody Else" },
    { encryption_key: other.key },
    { legal_name: "Somebody Else Ltd" },
  ]) {
    const request = await house.asks(shown, asked);
    expect((await device.core.request(request)).client.client_name).toBe(shown.name);
    device.tamper = (name, answer: { client: object }) =>
      name === "request" ? { ...answer, client: { ...answer.client, ...swap } } : answer;
    const prompts = device.authenticator.shown.length;
    // Asked for again as the page does when the store opens, and answered late: the page still shows the first.
    const second = device.core.request(request);
    const approval = device.core.approve({ request, details: asked, edits: [], notice: { text: "You share", language: "en" } });
    await expect(second).rejects.toMatchObject({ code: "tampered" });
    await expect(approval).rejects.toMatchObject({ code: "expired_link" });
    expect(device.authenticator.shown.length).toBe(prompts);
    device.tamper = undefined;
  }
  const wider = details(["profile/emails", "profile/name"], house.clock.now());
  const request = await house.asks(shown, asked);
  await device.core.request(request);
  device.tamper = (name, answer: object) => (name === "request" ? { ...answer, authorization_details: wider } : answer);
  await expect(device.core.request(request)).rejects.toMatchObject({ code: "tampered" });
});
