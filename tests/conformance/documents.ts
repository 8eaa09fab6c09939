import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair, type JWK } from "jose";

/** A client's own web origin: its two documents, and the page to which browsers come back. */
export interface Documents extends AsyncDisposable {
  readonly origin: string;
  readonly clientId: string;
  readonly redirectUri: string;
  /** What they say; a test may change it. */
  readonly said: { metadata: Record<string, unknown>; jwks: { keys: JWK[] } };
  /** Every address at which a browser came back, oldest first. */
  readonly arrivals: readonly URL[];
}

/** @param signing the public JWK by which it proves itself @param name as customers read it */
export async function serveDocuments(signing: JWK, name = "Libreria Aldina"): Promise<Documents> {
  const encryption = await generateKeyPair("ECDH-ES+A256KW", { crv: "X25519", extractable: true });
  const said: Documents["said"] = {
    metadata: {},
    jwks: {
      keys: [
        { kid: "s1", use: "sig", ...signing },
        { ...(await exportJWK(encryption.publicKey)), kid: "e1", use: "enc" },
      ],
    },
  };
  const arrivals: URL[] = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "/", "http://127.0.0.1");
    if (url.pathname === "/callback") {
      arrivals.push(url);
      response.writeHead(200, { "content-type": "text/html" }).end("<!doctype html><title>Back</title><h1>Thank you</h1>");
      return;
    }
    const document = url.pathname === "/client.json" ? said.metadata : url.pathname === "/jwks.json" ? said.jwks : undefined;
    response.writeHead(document === undefined ? 404 : 200, { "content-type": "application/json" }).end(JSON.stringify(document ?? {}));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  said.metadata = {
    client_id: `${origin}/client.json`,
    client_name: name,
    legal_name: `${name} s.r.l.`,
    country: "IT",
    dpo_contact: "privacy@aldina.example",
    redirect_uris: [`${origin}/callback`, `${origin}/callback?dummy1=lorem&dummy2=ipsum`],
    jwks_uri: `${origin}/jwks.json`,
    token_endpoint_auth_method: "private_key_jwt",
  };
  return {
    origin,
    clientId: `${origin}/client.json`,
    redirectUri: `${origin}/callback`,
    said,
    arrivals,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
