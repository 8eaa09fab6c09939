import { integrity, url } from "virtual:worker";

interface TrustedTypes {
  createPolicy(name: string, rules: { createScriptURL: (address: string) => string }): { createScriptURL(address: string): string };
}

let blob: string | undefined;
/** The page's only policy: it lets through the worker's own blob, and nothing else. */
const policy = (globalThis as { trustedTypes?: TrustedTypes }).trustedTypes?.createPolicy("counterfoil", {
  createScriptURL(address) {
    if (address !== blob) throw new TypeError("This script is not the vault's");
    return address;
  },
});

/**
 * Starts the worker from a blob of exactly the file that was built: neither an import map nor Integrity-Policy covers a worker.
 * @throws {TypeError} if it was changed, or can't be reached
 */
export async function startWorker(): Promise<Worker> {
  if (blob === undefined) {
    const response = await fetch(url, { integrity });
    if (!response.ok) throw new TypeError("The vault could not be loaded");
    blob = URL.createObjectURL(new Blob([await response.arrayBuffer()], { type: "text/javascript" }));
  }
  return new Worker(policy?.createScriptURL(blob) ?? blob, { type: "module" });
}
