import type * as v from "valibot";
import { Refusal } from "#protocol/refusal.ts";
import { type Delivery, POLL, PUSH, type StreamChange, type StreamConfiguration, type StreamWish } from "#protocol/streams.ts";
import type { Deps } from "../deps.ts";
import { randomText } from "../digest.ts";
import { limitRate } from "../guards/rate.ts";
import { isLoopback } from "../loopback.ts";
import { configurationOf, MIN_VERIFICATION_INTERVAL, pollAddress, type Stream, statusOf } from "../outbox/stream.ts";
import { checkedAddresses, FetchError, inTime } from "../vendors/checked-address.ts";
import { type Call, type Endpoints, provenVendor } from "./endpoint.ts";

const PATIENCE = 30_000;
const MOST_EVENTS = 100;
const RESOLVING = 5_000;

/** The SSF 1.0 transmitter's endpoints (protocol, section 8). */
export const streams: Endpoints<
  | "transmitter"
  | "createStream"
  | "streams"
  | "changeStream"
  | "replaceStream"
  | "deleteStream"
  | "streamStatus"
  | "setStreamStatus"
  | "verifyStream"
  | "poll"
> = {
  async transmitter({ config: { issuer } }) {
    return {
      spec_version: "1_0",
      issuer,
      jwks_uri: `${issuer}/.well-known/jwks.json`,
      delivery_methods_supported: [PUSH, POLL],
      configuration_endpoint: `${issuer}/ssf/streams`,
      status_endpoint: `${issuer}/ssf/status`,
      verification_endpoint: `${issuer}/ssf/verify`,
      authorization_schemes: [{ spec_urn: "urn:ietf:rfc:6749" }],
      default_subjects: "ALL",
      // A receiver that overlooked it would end all of a customer's grants with one.
      critical_subject_members: ["user", "grant"],
    };
  },

  async createStream(deps, call) {
    const clientId = await changer(deps, call);
    const wish = await wishOf(deps, call.body, undefined);
    const stream = await deps.outbox.changeStream(clientId, (existing): Stream => {
      if (existing !== undefined)
        throw new Refusal("stream_exists", "There is one stream for each vendor. Change the one that is there, or delete it.");
      return { id: randomText(16), clientId, ...wish, status: "enabled", reason: null, stopped: false, failing: null, verified: null };
    });
    return configurationOf(deps.config.issuer, stream);
  },

  async streams(deps, call) {
    const stream = await deps.outbox.stream(provenVendor(call).clientId);
    const { stream_id: id } = call.query;
    if (id === undefined) return stream === undefined ? [] : [configurationOf(deps.config.issuer, stream)];
    return configurationOf(deps.config.issuer, named(stream, id));
  },

  changeStream: (deps, call) =>
    change(deps, call, (before, wish) => ({
      push: call.body.delivery === undefined ? before.push : wish.push,
      requested: call.body.events_requested === undefined ? before.requested : wish.requested,
      description: call.body.description === undefined ? before.description : wish.description,
    })),

  replaceStream: (deps, call) => change(deps, call, (_before, wish) => wish),

  async deleteStream(deps, call) {
    const clientId = await changer(deps, call);
    const id = idIn(call);
    await deps.outbox.changeStream(clientId, (existing) => {
      named(existing, id);
      return null;
    });
    return {};
  },

  async streamStatus(deps, call) {
    return statusOf(named(await deps.outbox.stream(provenVendor(call).clientId), idIn(call)));
  },

  async setStreamStatus(deps, call) {
    const clientId = await changer(deps, call);
    const { stream_id: id, status, reason = null } = call.body;
    const stream = await deps.outbox.changeStream(
      clientId,
      (existing): Stream => ({ ...named(existing, id), status, reason, stopped: false, failing: null }),
    );
    return statusOf(stream);
  },

  async verifyStream(deps, call) {
    const { clientId } = provenVendor(call);
    const now = deps.now();
    const stream = await deps.outbox.changeStream(clientId, (existing): Stream => {
      const before = named(existing, call.body.stream_id);
      if (before.status === "disabled")
        throw new Refusal("invalid_input", "This stream is disabled: enable it first.", { pointer: "/stream_id" });
      const left = (before.verified ?? Number.NEGATIVE_INFINITY) + MIN_VERIFICATION_INTERVAL * 1000 - now;
      if (left > 0) {
        const retryAfter = Math.ceil(left / 1000);
        throw new Refusal(
          "rate_limited",
          `A stream is verified once in ${MIN_VERIFICATION_INTERVAL} seconds. Wait ${retryAfter} seconds.`,
          {
            extra: { retryAfter },
          },
        );
      }
      return { ...before, verified: now };
    });
    await deps.outbox.verify(stream, call.body.state);
    return {};
  },

  async poll(deps, call) {
    const { body } = call;
    const stream = named(await deps.outbox.stream(provenVendor(call).clientId), call.id);
    if (stream.push !== null) throw new Refusal("not_found", "This stream is delivered by push.");
    const { sets, more } = await deps.outbox.poll(stream, {
      most: body.maxEvents ?? MOST_EVENTS,
      patience: body.returnImmediately === true ? 0 : PATIENCE,
      taken: body.ack ?? [],
      refused: Object.keys(body.setErrs ?? {}),
    });
    return { sets, ...(more ? { moreAvailable: true } : {}) };
  },
};

type Wish = Pick<Stream, "push" | "requested" | "description">;

async function changer(deps: Deps, call: Call<unknown>): Promise<string> {
  const { clientId } = provenVendor(call);
  await limitRate(deps.storage, "stream", clientId, deps.config.rates.others, deps.now());
  return clientId;
}

/** Another vendor's stream is as one that isn't there. */
function named(stream: Stream | undefined, id: string): Stream {
  if (stream?.id !== id) throw new Refusal("not_found", "There is no such stream.", { pointer: "/stream_id" });
  return stream;
}

function idIn(call: Call<unknown>): string {
  const { stream_id: id } = call.query;
  if (id === undefined) throw new Refusal("invalid_input", "The stream has to be named: stream_id is missing.", { pointer: "/stream_id" });
  return id;
}

/** Where events go to another address, nothing is known against that one. */
/** SSF 1.0, 8.1.1.3 and 8.1.1.4. `of`: what becomes of the stream by this wish. */
async function change(
  deps: Deps,
  call: Call<v.InferOutput<typeof StreamChange>>,
  of: (before: Stream, wish: Wish) => Wish,
): Promise<StreamConfiguration> {
  const clientId = await changer(deps, call);
  const { body } = call;
  const wish = await wishOf(deps, body, body.stream_id);
  const stream = await deps.outbox.changeStream(clientId, (existing) => {
    const before = named(existing, body.stream_id);
    assertUnchanged(deps, before, body);
    return changed(before, of(before, wish));
  });
  return configurationOf(deps.config.issuer, stream);
}

function changed(before: Stream, wish: Wish): Stream {
  const isSame = before.push?.url === wish.push?.url && before.push?.authorization === wish.push?.authorization;
  return { ...before, ...wish, failing: isSame ? before.failing : null };
}

/** @param id of the stream, where there is one */
async function wishOf(deps: Deps, body: v.InferOutput<typeof StreamWish>, id: string | undefined): Promise<Wish> {
  return {
    push: await pushOf(deps, body.delivery ?? { method: POLL }, id),
    requested: body.events_requested ?? null,
    description: body.description ?? null,
  };
}

async function pushOf({ config }: Deps, delivery: Delivery, id: string | undefined): Promise<Stream["push"]> {
  if (delivery.method === POLL) {
    if (delivery.endpoint_url !== undefined && (id === undefined || delivery.endpoint_url !== pollAddress(config.issuer, id)))
      throw new Refusal("invalid_input", "Where a stream is polled is this server's to say: leave it out.", {
        pointer: "/delivery/endpoint_url",
      });
    return null;
  }
  const { endpoint_url: url, authorization_header: authorization = null } = delivery;
  // RFC 9110, 5.5: what could begin another header is no value.
  if (authorization !== null && !/^[!-~](?:[ -~]*[!-~])?$/.test(authorization))
    throw new Refusal("invalid_input", "A header's value is visible ASCII.", { pointer: "/delivery/authorization_header" });
  try {
    await inTime(performance.now() + RESOLVING, checkedAddresses(new URL(url), { loopback: isLoopback(new URL(config.issuer).hostname) }));
  } catch (cause) {
    if (!(cause instanceof FetchError)) throw cause;
    throw new Refusal("invalid_input", `Events can't be sent there: ${cause.message}.`, { pointer: "/delivery/endpoint_url", cause });
  }
  return { url, authorization };
}

/** What is the transmitter's own may come back, as it was (8.1.1.3). */
function assertUnchanged({ config }: Deps, before: Stream, body: v.InferOutput<typeof StreamChange>): void {
  const is = configurationOf(config.issuer, before);
  const audience = Array.isArray(body.aud) ? body.aud[0] : body.aud;
  const alike = (said: readonly string[] | undefined, own: readonly string[]): boolean =>
    said === undefined || (said.length === own.length && own.every((type) => said.includes(type)));
  const claims: ReadonlyArray<readonly [member: string, isRight: boolean]> = [
    ["iss", (body.iss ?? is.iss) === is.iss],
    ["aud", (audience ?? is.aud) === is.aud],
    ["events_supported", alike(body.events_supported, is.events_supported)],
    ["events_delivered", alike(body.events_delivered, is.events_delivered)],
    ["min_verification_interval", (body.min_verification_interval ?? is.min_verification_interval) === is.min_verification_interval],
  ];
  const wrong = claims.find(([, isRight]) => !isRight)?.[0];
  if (wrong !== undefined)
    throw new Refusal("invalid_input", "This is this server's to say: leave it out, or send it as it was.", { pointer: `/${wrong}` });
}
