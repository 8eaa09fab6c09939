/** A worker of the app by its name, as web/build/integrity.ts built it. */
declare module "virtual:worker/*" {
  /** Address on the page's own origin. */
  export const url: string;
  /** For `fetch(url, { integrity })`: SHA-384 of the file. */
  export const integrity: string;
}

/** A style sheet, imported for its effect. */
declare module "*.css";
