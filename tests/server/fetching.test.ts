import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, test } from "vitest";
import { checkedAddresses } from "../../server/vendors/checked-address.ts";
import { type FetchOptions, fetchDocument } from "../../server/vendors/fetch-document.ts";

const to = (...addresses: string[]): FetchOptions => ({ loopback: false, resolve: async () => addresses });

describe("a document's address that a stranger names", () => {
  test.each([["93.184.215.14"], ["2606:2800:21f:cb07:6820:80da:af6b:8b2c"]])("may be public: %s", async (address) => {
    expect(await checkedAddresses(new URL("https://shop.example/client.json"), to(address))).toEqual([address]);
  });

  test.each([
    ["127.0.0.1"],
    ["127.9.9.9"],
    ["0.0.0.0"],
    ["10.0.0.1"],
    ["172.16.0.1"],
    ["172.31.255.255"],
    ["192.168.1.1"],
    ["169.254.169.254"],
    ["100.64.0.1"],
    ["192.0.2.1"],
    ["198.18.0.1"],
    ["224.0.0.1"],
    ["255.255.255.255"],
    ["240.0.0.1"],
    ["::1"],
    ["::"],
    ["fe80::1"],
    ["fc00::1"],
    ["fd12::1"],
    ["ff02::1"],
    ["::ffff:127.0.0.1"],
    ["::ffff:10.0.0.1"],
    ["::7f00:1"],
    ["::ffff:0:127.0.0.1"],
    ["64:ff9b::7f00:1"],
    ["64:ff9b:1::a00:1"],
    ["4000::1"],
    ["fec0::1"],
    ["2002:7f00:1::"],
    ["2001:db8::1"],
    ["2001::1"],
  ])("may not lead to %s", async (address) => {
    await expect(checkedAddresses(new URL("https://shop.example/client.json"), to(address))).rejects.toThrow("not a public one");
    await expect(
      checkedAddresses(new URL("https://shop.example/client.json"), to("93.184.215.14", address)),
      "one of several",
    ).rejects.toThrow("not a public one");
    await expect(
      checkedAddresses(new URL("https://shop.example/client.json"), { ...to(address), loopback: true }),
      "under another name",
    ).rejects.toThrow("not a public one");
  });

  test.each([
    ["https://127.0.0.1/c"],
    ["https://[::1]/c"],
    ["https://2130706433/c"],
    ["https://0x7f.1/c"],
    ["https://017700000001/c"],
    ["https://[::ffff:7f00:1]/c"],
  ])("may not be %s", async (url) => {
    await expect(checkedAddresses(new URL(url), to("93.184.215.14"))).rejects.toThrow("not a public one");
  });

  test.each([
    ["http://shop.example/c"],
    ["ftp://shop.example/c"],
    ["file:///etc/passwd"],
    ["https://user@shop.example/c"],
    ["https://:secret@shop.example/c"],
    ["https://shop.example/c#x"],
    ["http://localhost/c"],
  ])("may not be written as %s", async (url) => {
    await expect(checkedAddresses(new URL(url), to("93.184.215.14"))).rejects.toThrow(/https is needed|has a user/);
  });

  test("may be on this machine only where the server itself is, by a name of this machine", async () => {
    const here: FetchOptions = { loopback: true, resolve: async () => ["127.0.0.1"] };
    expect(await checkedAddresses(new URL("http://127.0.0.1:4100/c"), here)).toEqual(["127.0.0.1"]);
    expect(await checkedAddresses(new URL("http://localhost:4100/c"), here)).toEqual(["127.0.0.1"]);
    await expect(
      checkedAddresses(new URL("http://localhost:4100/c"), { loopback: true, resolve: async () => ["10.0.0.1"] }),
    ).rejects.toThrow("not a public one");
    await expect(checkedAddresses(new URL("http://10.0.0.1/c"), here)).rejects.toThrow("https is needed");
    await expect(
      checkedAddresses(new URL("https://shop.example/c"), { loopback: false, resolve: () => Promise.reject(new Error("ENOTFOUND")) }),
    ).rejects.toThrow("not known");
    await expect(checkedAddresses(new URL("https://shop.example/c"), to())).rejects.toThrow("no address");
  });
});

async function answering(listener: RequestListener): Promise<AsyncDisposable & { url: URL }> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/client.json`),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

describe("an answer", () => {
  const json = { "content-type": "application/json" };
  test.each<[string, RequestListener, string]>([
    ["that redirects", (_request, response) => response.writeHead(302, { location: "http://127.0.0.1:1/" }).end(), "200"],
    ["that is an error", (_request, response) => response.writeHead(500, json).end("{}"), "200"],
    ["of another type", (_request, response) => response.writeHead(200, { "content-type": "text/html" }).end("{}"), "application/json"],
    ["that is too long", (_request, response) => response.writeHead(200, json).end("x".repeat(65_537)), "too long"],
    [
      "that never ends",
      (_request, response) => void response.writeHead(200, json).write("{"),
      "too long|too much time|took too long|broke off",
    ],
    ["that never begins", () => {}, "took too long"],
    [
      "that breaks off",
      (_request, response) => void response.writeHead(200, { ...json, "content-length": "100" }).write("{", () => response.destroy()),
      "broke off",
    ],
  ])("%s is refused", async (_name, listener, reason) => {
    await using server = await answering(listener);
    await expect(fetchDocument(server.url, { loopback: true, timeout: 1500 })).rejects.toThrow(new RegExp(reason));
  });

  test("is not waited for longer because its name takes long to resolve", async () => {
    const never = new Promise<readonly string[]>(() => {});
    const asked = fetchDocument(new URL("https://shop.example/c"), { loopback: false, timeout: 50, resolve: () => never });
    await expect(asked).rejects.toThrow("took too long");
  });

  test("within all limits is taken", async () => {
    await using server = await answering((_request, response) =>
      response.writeHead(200, { "content-type": "application/json; charset=utf-8" }).end('{"a":1}'),
    );
    expect(await fetchDocument(server.url, { loopback: true })).toBe('{"a":1}');
  });

  test("comes from the address that was checked, whatever the name says a moment later", async () => {
    await using server = await answering((_request, response) => response.writeHead(200, json).end("{}"));
    let asked = 0;
    const url = new URL(server.url.href.replace("127.0.0.1", "localhost"));
    await fetchDocument(url, { loopback: true, resolve: async () => [asked++ === 0 ? "127.0.0.1" : "10.0.0.1"] });
    expect(asked).toBe(1);
  });
});
