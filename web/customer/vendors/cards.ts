import { type ReadonlySignal, useSignal } from "@preact/signals";
import type { VendorCard } from "#protocol/data/private.ts";
import { words } from "../../locales/words.ts";
import { type Action, useAction } from "../../parts/action.ts";
import { say } from "../../parts/status.tsx";
import type { VendorView } from "../../vault/vault.ts";
import { useVault } from "../vault-context.ts";

/** A card that was changed a moment ago, as it was, and what to say of the change. */
export interface LastCard {
  readonly vendor: VendorView;
  readonly said: string;
}

export interface Cards {
  readonly save: Action<[VendorView, VendorCard, string]>;
  readonly undo: Action<[]>;
  readonly last: ReadonlySignal<LastCard | undefined>;
}

/** Saves cards of shops, and takes the last change back. */
export function useCards(after?: () => void): Cards {
  const vault = useVault();
  const last = useSignal<LastCard | undefined>(undefined);
  const save = useAction(async (vendor: VendorView, card: VendorCard, said: string) => {
    await vault.saveCard({ relationship: vendor.relationship }, card);
    last.value = { vendor, said };
    after?.();
  });
  const undo = useAction(async () => {
    if (last.value === undefined) return;
    const { relationship, card } = last.value.vendor;
    await vault.saveCard({ relationship }, card);
    last.value = undefined;
    say(words().vendors.undone);
  });
  return { save, undo, last };
}

/** The card without what is empty. */
export const trimmed = (card: { [K in keyof VendorCard]?: VendorCard[K] | undefined }): VendorCard =>
  Object.fromEntries(Object.entries(card).filter(([, value]) => value !== undefined && value !== ""));

export const unblocked = ({ view: _, ...card }: VendorCard): VendorCard => card;
