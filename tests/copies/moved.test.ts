import { expect, test } from "vitest";
import { EMAIL, problemOf } from "../server/scene.ts";
import { Customer } from "../support/customer.ts";
import { freePort } from "../support/free-port.ts";
import { sharedPostgres } from "../support/postgres.ts";
import { startProcess } from "../support/process.ts";
import { swapForCopy } from "../support/swapped-database.ts";
import { tcpProxy } from "../support/tcp-proxy.ts";
import { TestVendor } from "../support/vendor.ts";

test("a server whose database becomes an older copy of itself while it runs reads nothing there, ends, and begins again with every grant paused", async () => {
  const postgres = await sharedPostgres();
  const direct = await postgres.database();
  await using proxy = await tcpProxy(postgres.port);
  const port = await freePort();
  const issuer = `http://localhost:${port}`;
  const serve = () =>
    startProcess(process.execPath, ["--import", "tsx", "server/main.ts"], {
      env: {
        COUNTERFOIL_STORAGE: direct.replace(/:\d+\//, `:${proxy.port}/`),
        COUNTERFOIL_ISSUER: issuer,
        COUNTERFOIL_PORT: String(port),
        COUNTERFOIL_WEB: "none",
      },
      ready: /listens on/,
    });
  await using server = await serve();
  await using vendor = await TestVendor.start(issuer, Date.now);
  const customer = await Customer.register(issuer, Date.now);
  await customer.commit({ records: { "profile/emails/e1": EMAIL } });
  const details = [vendor.ask({ paths: ["profile/emails"] })];
  const { grant, redirect } = await customer.approve(await vendor.request(details), { contents: { "profile/emails/e1": EMAIL } });
  const { body: tokens } = await vendor.redeem(redirect);
  expect((await vendor.pullRaw(tokens.access_token, grant)).status).toBe(200);

  await swapForCopy(direct, proxy);
  // Whoever is quicker: it is refused, or nobody is there any more.
  const pulled = await vendor.pullRaw(tokens.access_token, grant).then(
    ({ status }) => status,
    () => 503,
  );
  expect(pulled).toBe(503);
  expect(await server.exited, server.output()).toEqual({ code: 1, signal: null });
  expect(server.output()).toMatch(/"level":"error".*"stage":"moved"/);
  expect(server.output()).toMatch(/"stage":"stopping"[\s\S]*"stage":"stopped"/);

  await using _ = await serve();
  const { body } = await vendor.token({ grant_type: "refresh_token", refresh_token: tokens.refresh_token });
  expect(await problemOf(await vendor.pullRaw(body.access_token, grant))).toMatchObject({ code: "grant_paused" });
}, 120_000);
