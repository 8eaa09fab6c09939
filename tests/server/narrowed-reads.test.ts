import { describe, expect, test } from "vitest";
import { DAY, HOUR } from "../support/clock.ts";
import { connect, problemOf, scene } from "./scene.ts";

describe("a token that was narrowed to a lower frequency", () => {
  test("reads no more than its consent allows in all, and nothing is forgotten by its shorter window", async () => {
    await using at = await scene();
    const { vendor, system } = at;
    const frequency = { max: 3, per: "P2D" };
    const { expires } = vendor.ask();
    const { grant, tokens } = await connect(at, { frequency });
    const token = async (details?: unknown): Promise<string> => {
      const narrowed = details === undefined ? {} : { authorization_details: JSON.stringify([details]) };
      const { status, body } = await vendor.token({ grant_type: "refresh_token", refresh_token: tokens.refresh_token, ...narrowed });
      expect(status).toBe(200);
      return body.access_token;
    };
    // No wider by itself: a window of two days has room for two.
    const seldomer = { ...vendor.ask({ paths: ["profile/emails"], frequency: { max: 1, per: "P1D" } }), expires };
    let since = "";
    for (let read = 0; read < 3; read++) {
      ({ cursor: since } = await vendor.pull(await token(), grant.grant, since || undefined));
      system.clock.pass(2 * HOUR);
    }
    system.clock.pass(DAY - HOUR);
    const over = { status: 429, code: "frequency_exceeded" };
    expect(await problemOf(await vendor.pullRaw(await token(seldomer), grant.grant))).toMatchObject(over);
    expect(await problemOf(await vendor.pullRaw(await token(), grant.grant, { since }))).toMatchObject(over);
    system.clock.pass(DAY);
    const { records } = await vendor.pull(await token(seldomer), grant.grant);
    expect(records, "and goes on when there is room").toHaveLength(1);
  });
});
