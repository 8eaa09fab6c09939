import { setTimeout as sleep } from "node:timers/promises";
import type { AuthorizationDetail } from "#protocol/authorization-details.ts";
import { consentObject, hashOfConsent } from "#protocol/consent-token.ts";
import { Refused } from "../support/api-client.ts";
import { Customer } from "../support/customer.ts";
import type { TestVendor } from "../support/vendor.ts";
import { commitSurely, isWeather, untilAnswered } from "./surely.ts";

/** What happened to one grant, by the answers that its customer and its vendor got. Times of this process in milliseconds. */
export interface Story {
  readonly grant: string;
  refresh: string | undefined;
  /** The newest address that a commit was answered for. */
  shared: string;
  revoking: number | undefined;
  /** When the revocation was answered. */
  revoked: number | undefined;
  /** Numbers of the reads that were answered. */
  readonly reads: number[];
  /** Whether somebody reads it now. */
  isBusy: boolean;
}

const PATH = "profile/emails/e1";
export const WANTED: Partial<AuthorizationDetail> = { paths: ["profile/emails"], frequency: { max: 60, per: "PT1H" } };

/** One customer who goes on living while servers die: everything that was answered is written down. */
export class Person {
  readonly stories: Story[] = [];
  commits = 0;
  found = 0;
  /** Requests that were lost on the way. */
  gone = 0;
  readonly #customer: Customer;
  readonly #vendor: TestVendor;

  private constructor(customer: Customer, vendor: TestVendor) {
    this.#customer = customer;
    this.#vendor = vendor;
  }

  static async register(issuer: string, vendor: TestVendor): Promise<Person> {
    const customer = await untilAnswered(() => Customer.register(issuer, Date.now));
    const person = new Person(customer, vendor);
    // A kit, so that there may be a second grant.
    await untilAnswered(() => customer.addKit());
    return person;
  }

  get customer(): Customer {
    return this.#customer;
  }

  /** @param random 0 to 1 */
  async act(random: number): Promise<void> {
    const living = this.stories.filter(({ revoking }) => revoking === undefined);
    const story = living[Math.floor(Math.random() * living.length)];
    if (story === undefined || (random < 0.1 && living.length < 3)) await this.approve();
    else if (random > 0.93) await this.revoke(story);
    else await this.change(living);
    await sleep(50 + Math.random() * 200);
  }

  async approve(): Promise<Story | undefined> {
    const customer = this.#customer;
    const vendor = this.#vendor;
    const request = await untilAnswered(async () => {
      const { status, body } = await vendor.par([vendor.ask(WANTED)]);
      if (status >= 500 || status === 429) throw new TypeError("the request was not taken");
      if (status !== 201) throw new Error(`par was answered ${status} ${body.error} ${body.error_description}`);
      return body.request_uri;
    });
    const arrival = await untilAnswered(() => vendor.authorize(request));
    const id = (arrival.headers.get("location") ?? "").replace("/ask/", "");
    if (arrival.status !== 303 || id === "") return undefined;
    const shown = await untilAnswered(() => customer.api.call("request", { id })).catch(onlyGone("not_found"));
    if (shown === undefined) return this.#askAgain();
    const { given, consent, commit } = await customer.prepareGrant(shown, shown.authorization_details);
    customer.grants.set(given.grant, { ...given, redirect: "" });
    const address = `${given.grant}@mail.example`;
    const act = await untilAnswered(async () =>
      customer.act({ action: "approve", grant: given.grant, object: await consentObject(consent) }),
    );
    const body = await customer.draft({
      consent: commit,
      shares: [{ grant: given.grant, path: PATH, content: { value: { address } } }],
      acts: [act],
    });
    const answer = await commitSurely(customer, body).catch(onlyGone("not_found"));
    if (answer === undefined) {
      customer.grants.delete(given.grant);
      return this.#askAgain();
    }
    const story: Story = {
      grant: given.grant,
      refresh: undefined,
      shared: address,
      revoking: undefined,
      revoked: undefined,
      reads: [],
      isBusy: false,
    };
    this.stories.push(story);
    // Where the answer was lost so is the code: its vendor never comes to read, as in life.
    if (answer === "found") this.found++;
    else if (answer.redirect !== null) {
      const { redirect } = answer;
      // A code is used once: an answer that was lost took it along.
      const tokens = await vendor.redeem(redirect).catch((error: unknown) => {
        if (!isWeather(error)) throw error;
        return undefined;
      });
      if (tokens?.status === 200) story.refresh = tokens.body.refresh_token;
    }
    return story;
  }

  /** A process died while it had taken the request up: nothing has come of it, and the shop is asked for another link. */
  #askAgain(): undefined {
    this.gone++;
  }

  async change(stories: readonly Story[]): Promise<void> {
    const address = `${Math.random().toString(36).slice(2)}@mail.example`;
    const content = { value: { address } };
    const body = await this.#customer.draft({
      records: { [PATH]: content },
      shares: stories.map(({ grant }) => ({ grant, path: PATH, content })),
    });
    const answer = await commitSurely(this.#customer, body);
    if (answer === "found") this.found++;
    this.commits++;
    for (const story of stories) story.shared = address;
  }

  /** An answer that was lost is asked for again, as the button is pressed again: it has ended, or ends now. */
  async revoke(story: Story): Promise<void> {
    const customer = this.#customer;
    const { grant } = story;
    story.revoking = performance.now();
    const token = customer.grants.get(grant)?.token ?? "";
    await untilAnswered(async () => {
      const act = await customer.act({ action: "revoke", grant, object: await hashOfConsent(token) });
      await customer.api.call("revoke", { id: grant, body: { act, askDeletion: true } }).catch((error: unknown) => {
        if (!(error instanceof Refused && error.problem.code === "grant_ended")) throw error;
      });
    });
    story.revoked = performance.now();
  }

  /** Its vendor reads one of its grants: never one whose revocation was answered before it was asked. */
  async read(story: Story): Promise<"read" | "refused" | "weather"> {
    if (story.refresh === undefined || story.isBusy) return "weather";
    story.isBusy = true;
    try {
      const sent = performance.now();
      const tokens = await this.#vendor.token({ grant_type: "refresh_token", refresh_token: story.refresh });
      if (tokens.status !== 200) {
        if (tokens.status >= 500 || tokens.status === 429) return "weather";
        if (story.revoking === undefined)
          throw new Error(`the refresh token of a living grant was answered ${tokens.status} ${tokens.body.error}`);
        return "refused";
      }
      const page = await this.#vendor.pull(tokens.body.access_token, story.grant);
      if (story.revoked !== undefined && story.revoked < sent) throw new Error("a revoked grant was read");
      story.reads.push(page.receipt.read);
      return "read";
    } catch (error) {
      if (error instanceof Refused && ["grant_ended", "invalid_token", "frequency_exceeded"].includes(error.problem.code)) {
        if (error.problem.code !== "frequency_exceeded" && story.revoking === undefined)
          throw new Error(`a living grant was refused: ${error.problem.code}`);
        return "refused";
      }
      if (isWeather(error)) return "weather";
      throw error;
    } finally {
      story.isBusy = false;
    }
  }
}

const onlyGone =
  (code: string) =>
  (error: unknown): undefined => {
    if (!(error instanceof Refused && error.problem.code === code)) throw error;
  };
