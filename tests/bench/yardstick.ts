import { createHash, generateKeyPairSync, sign, verify } from "node:crypto";
import { serve } from "@hono/node-server";
import { Hono } from "hono";

/** The two yardsticks of the pull, in a process of their own: a bare Hono hello, and the same with one ES256 verification. */
const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const data = createHash("sha512").update("yardstick").digest();
const signature = sign("sha256", data, { key: privateKey, dsaEncoding: "ieee-p1363" });

const app = new Hono();
app.get("/hello", (c) => c.text("hello"));
app.get("/es256", (c) =>
  verify("sha256", data, { key: publicKey, dsaEncoding: "ieee-p1363" }, signature) ? c.text("hello") : c.text("no", 500),
);

serve({ fetch: app.fetch, hostname: "127.0.0.1", port: 0 }, ({ port }) => process.stdout.write(`${JSON.stringify({ port })}\n`));
