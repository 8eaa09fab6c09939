import { join } from "node:path";
import { expect, test } from "vitest";
import { PUSH, type StreamConfiguration } from "#protocol/streams.ts";
import { Customer } from "../support/customer.ts";
import { freePort } from "../support/free-port.ts";
import { type RunningProcess, startProcess } from "../support/process.ts";
import { scratchFolder } from "../support/scratch-folder.ts";
import { TestVendor } from "../support/vendor.ts";
import { Receiver, verified } from "./receiver.ts";
import { EMAIL } from "./scene.ts";

const serve = (data: string, port: number): Promise<RunningProcess> =>
  startProcess(process.execPath, ["--import", "tsx", "server/main.ts"], {
    cwd: join(import.meta.dirname, "..", ".."),
    env: { COUNTERFOIL_DATA: data, COUNTERFOIL_PORT: String(port), COUNTERFOIL_ISSUER: `http://localhost:${port}` },
    ready: /listens on/,
  });

test("a server that is killed right after its answer tells what it had to when it is back; one that is stopped keeps no poll waiting", async () => {
  await using folder = await scratchFolder();
  await using receiver = await Receiver.start();
  const port = await freePort();
  const issuer = `http://localhost:${port}`;
  const first = await serve(folder.path, port);
  await using vendor = await TestVendor.start(issuer, Date.now);
  const customer = await Customer.register(issuer, Date.now);
  await customer.commit({ records: { "profile/emails/e1": EMAIL } });
  const { stream_id } = (await vendor.call("createStream", {
    body: { delivery: { method: PUSH, endpoint_url: receiver.url } },
  })) as StreamConfiguration;
  const grant = await customer.approve(await vendor.request([vendor.ask({ paths: ["profile/emails"] })]), {
    contents: { "profile/emails/e1": EMAIL },
  });
  await vendor.redeem(grant.redirect);
  await receiver.until(1);
  // Its connections hang from now on, as those of a receiver that dies together with the server.
  receiver.respond = () => {};
  await customer.revoke(grant.grant, true);
  await first.kill();
  receiver.got.length = 0;
  receiver.respond = (_delivered, response) => response.writeHead(202).end();
  const second = await serve(folder.path, port);
  await receiver.until(1, 20_000);
  expect(receiver.got).toMatchObject([{ name: "grant-revoked", grant: grant.grant }]);
  await verified(issuer, receiver.got[0]?.token ?? "");

  // Tokens of before a restart don't hold.
  const { body } = await vendor.token({ grant_type: "client_credentials", scope: "ssf.read ssf.manage" });
  const token = body.access_token;
  await vendor.call("replaceStream", { body: { stream_id }, token });
  const poll = vendor.call("poll", { id: stream_id, body: {}, token });
  await new Promise((resolve) => setTimeout(resolve, 300));
  const began = performance.now();
  await second.stop();
  expect(performance.now() - began).toBeLessThan(4_500);
  expect(await poll).toEqual({ sets: {} });
  await using third = await serve(folder.path, port);
  expect(third.output()).not.toContain("fault");
});
