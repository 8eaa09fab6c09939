import { mkdir, open, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { clientMetadata, makeKeys, publicKeys } from "../make-keys.ts";
import { required, UsageError } from "./options.ts";

const text = { type: "string" } as const;

/** Makes keys that are never overwritten, and the two public documents. */
export async function init(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      "client-id": text,
      name: text,
      "legal-name": text,
      country: text,
      dpo: text,
      redirect: { type: "string", multiple: true },
      out: text,
    },
  });
  const { redirect = [], ...single } = values;
  const clientId = required(single, "client-id");
  if (redirect.length === 0) throw new UsageError("--redirect is missing");
  const facts = {
    clientId,
    name: required(single, "name"),
    legalName: required(single, "legal-name"),
    country: required(single, "country"),
    dpoContact: required(single, "dpo"),
    redirectUris: redirect,
    jwksUri: new URL("jwks.json", clientId).href,
  };
  const folder = values.out ?? ".";
  await mkdir(folder, { recursive: true });
  const keys = await makeKeys();
  const file = await open(join(folder, "keys.json"), "wx", 0o600);
  await file.writeFile(`${JSON.stringify(keys, null, 2)}\n`);
  await file.close();
  await writeFile(join(folder, "client.json"), `${JSON.stringify(clientMetadata(facts), null, 2)}\n`);
  await writeFile(join(folder, "jwks.json"), `${JSON.stringify(publicKeys(keys), null, 2)}\n`);
  console.log(
    `Made keys.json, client.json and jwks.json in ${folder}.\nServe client.json at ${clientId} and jwks.json at ${facts.jwksUri}; keep keys.json private.`,
  );
}
