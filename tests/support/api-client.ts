import * as v from "valibot";
import { API, type ApiName, type BodyOf, type ReplyOf } from "#protocol/api.ts";
import type { Problem } from "#protocol/refusal.ts";

export interface CallOptions<N extends ApiName> {
  id?: string;
  query?: Record<string, string>;
  body?: BodyOf<N>;
  headers?: Record<string, string>;
}

/** A refusal as it came. */
export class Refused extends Error {
  readonly problem: Problem;
  readonly response: Response;
  constructor(problem: Problem, response: Response) {
    super(`${problem.status} ${problem.code}: ${problem.detail}${problem.pointer === undefined ? "" : ` at ${problem.pointer}`}`);
    this.problem = problem;
    this.response = response;
  }
}

/** The customer's app as far as the server sees it: its origin's headers and its cookie. Every reply must have the shape of the table. */
export class ApiClient {
  readonly issuer: string;
  cookie: string | undefined;

  constructor(issuer: string) {
    this.issuer = issuer;
  }

  async raw(
    method: string,
    path: string,
    { body, headers = {} }: { body?: BodyInit; headers?: Record<string, string> } = {},
  ): Promise<Response> {
    const response = await fetch(this.issuer + path, {
      method,
      redirect: "manual",
      headers: {
        "sec-fetch-site": "same-origin",
        ...(method === "GET" ? {} : { origin: this.issuer, "content-type": "application/json" }),
        ...(this.cookie === undefined ? {} : { cookie: this.cookie }),
        ...headers,
      },
      ...(body === undefined ? {} : { body }),
    });
    const set = response.headers.get("set-cookie");
    if (set !== null) this.cookie = set.split(";")[0];
    return response;
  }

  async call<N extends ApiName>(name: N, { id, query, body, headers }: CallOptions<N> = {}): Promise<ReplyOf<N>> {
    const { method, path, reply } = API[name];
    const search = query === undefined ? "" : `?${new URLSearchParams(query)}`;
    const response = await this.raw(method, path.replace("{id}", id ?? "") + search, {
      ...(method === "POST" ? { body: JSON.stringify(body ?? {}) } : {}),
      ...(headers === undefined ? {} : { headers }),
    });
    const answer: unknown = await response.json();
    if (!response.ok) throw new Refused(answer as Problem, response);
    return v.parse(reply as v.GenericSchema, answer) as ReplyOf<N>;
  }
}
