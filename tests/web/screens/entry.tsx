import { mount } from "../../../web/customer/mount.tsx";
import { fakeVault } from "./fake-vault.ts";
import type { Prepared } from "./prepared-state.ts";

declare global {
  var prepared: Prepared | undefined;
  var calls: Array<[string, ...unknown[]]>;
}

globalThis.calls = [];
void mount(fakeVault(globalThis.prepared ?? { state: "unlocked", store: "full" }, globalThis.calls));
