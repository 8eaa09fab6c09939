import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Vault } from "../vault/vault.ts";

export const VaultContext = createContext<Vault | undefined>(undefined);

export function useVault(): Vault {
  const vault = useContext(VaultContext);
  if (vault === undefined) throw new TypeError("no vault above this component");
  return vault;
}
