import { afterEach, expect, test, vi } from "vitest";
import { browserPrompts, withoutPrompts } from "../../../web/vault/prompts.ts";

afterEach(() => vi.unstubAllGlobals());

/** A device whose prompt stays open until it is closed from outside. */
function stubDevice(): { open: number } {
  const device = { open: 0 };
  const wait = ({ signal }: { signal: AbortSignal }) =>
    new Promise((_, reject) => {
      if (signal.aborted) return reject(signal.reason);
      device.open += 1;
      signal.addEventListener("abort", () => {
        device.open -= 1;
        reject(signal.reason);
      });
    });
  vi.stubGlobal("navigator", { credentials: { get: wait, create: wait } });
  return device;
}

const asked = () => browserPrompts.get({ challenge: "AAAA", allow: [], salt: new Uint8Array(32) });
const making = () =>
  browserPrompts.create({
    options: { challenge: "AAAA", user: { id: "AAAA", name: "n", displayName: "n" } },
    exclude: [],
    salt: new Uint8Array(32),
  });

test("the open prompt is closed, none opens meanwhile, and the next one does again", async () => {
  const device = stubDevice();
  const first = expect(asked()).rejects.toMatchObject({ code: "cancelled" });
  expect(device.open).toBe(1);
  await withoutPrompts(async () => {
    await first;
    await expect(asked()).rejects.toMatchObject({ code: "cancelled" });
    await expect(making()).rejects.toMatchObject({ code: "cancelled" });
    expect(device.open).toBe(0);
  });
  const next = making().catch(() => undefined);
  expect(device.open).toBe(1);
  await expect(
    withoutPrompts(async () => {
      throw new TypeError("offline");
    }),
  ).rejects.toThrow("offline");
  await next;
  void asked().catch(() => undefined);
  expect(device.open).toBe(1);
});
