import { hashOf } from "#protocol/canonical.ts";

/** The page's import map names every script with its integrity: its hash names this version. Undefined where it wasn't built for release. */
export async function appVersion(page: Document): Promise<string | undefined> {
  const map = page.querySelector('script[type="importmap"]')?.textContent;
  return map ? (await hashOf(map)).slice(0, 12) : undefined;
}
