import type { UserConfig } from "vite";
import { integrity } from "./integrity.ts";

/** Browsers with passkeys that open a store (PRF), light-dark() and integrity in import maps, or without the last of these unharmed. */
const browsers = ["chrome125", "edge125", "firefox128", "safari18"];

/** How each of the two web apps is built: a folder with an index.html in, a folder of hashed files out. */
export const webApp = (app: { root: string; outDir: string; workers?: Record<string, string> }): UserConfig => ({
  root: app.root,
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  plugins: [integrity({ workers: app.workers ?? {} })],
  build: {
    outDir: app.outDir,
    emptyOutDir: true,
    target: browsers,
    // A data: address would need a hole in the Content-Security-Policy.
    assetsInlineLimit: 0,
    // Style sheets that come with a lazy chunk would have no integrity; all of them together stay under 10 kB.
    cssCodeSplit: false,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      // What the first page needs is one file, not one for each set of screens that share it.
      output: { codeSplitting: { groups: [{ name: "app", tags: ["$initial"] }] } },
    },
    sourcemap: false,
  },
});
