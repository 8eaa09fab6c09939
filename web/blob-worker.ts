interface TrustedTypes {
  createPolicy(name: string, rules: { createScriptURL: (address: string) => string }): { createScriptURL(address: string): string };
}

const built = new Set<string>();
/** The page's only policy: it lets through the blobs of workers that were built with the page, and nothing else. */
const policy = (globalThis as { trustedTypes?: TrustedTypes }).trustedTypes?.createPolicy("counterfoil", {
  createScriptURL(address) {
    if (!built.has(address)) throw new TypeError("This script is none of this page's workers");
    return address;
  },
});

/**
 * A worker's file as a blob of exactly what was built: neither an import map nor Integrity-Policy covers a worker. The address is good
 * for as many workers as are started from it.
 * @param integrity of the file, as web/build/integrity.ts wrote it
 * @throws {TypeError} if it was changed, or can't be reached
 */
export async function blobOf(url: string, integrity: string): Promise<string> {
  const response = await fetch(url, { integrity });
  if (!response.ok) throw new TypeError("A worker could not be loaded");
  const blob = URL.createObjectURL(new Blob([await response.arrayBuffer()], { type: "text/javascript" }));
  built.add(blob);
  return blob;
}

/** @param blob an address that `blobOf` made */
export const startBlob = (blob: string): Worker => new Worker(policy?.createScriptURL(blob) ?? blob, { type: "module" });
