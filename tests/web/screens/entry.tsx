import { mount } from "../../../web/customer/mount.tsx";
import { fakeVault, type Prepared } from "./fake-vault.ts";

declare global {
  var prepared: Prepared | undefined;
  var calls: Array<[string, ...unknown[]]>;
}

globalThis.calls = [];
void mount(fakeVault(globalThis.prepared ?? { state: "unlocked", store: "full" }, globalThis.calls));
