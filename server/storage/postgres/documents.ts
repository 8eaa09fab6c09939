import { assertDocumentName, assertLimit, jsonOf } from "../shapes.ts";
import type { DocumentName } from "../storage.ts";
import type { Database } from "./database.ts";
import { failure, isConflict } from "./failure.ts";
import { Lines } from "./line.ts";
import type { Session, Statement } from "./session.ts";
import { storedWithin, unstored } from "./text-order.ts";
import { beforeNext, TRIES } from "./tries.ts";

const GET: Statement = { name: "document-get", text: "SELECT value FROM documents WHERE name = $1 AND value IS NOT NULL" };
const PUT: Statement = {
  name: "document-put",
  text: "INSERT INTO documents (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
};
/** One without a value is never committed: it is there to be locked. */
const MAKE: Statement = { name: "document-make", text: "INSERT INTO documents (name) VALUES ($1) ON CONFLICT DO NOTHING" };
const LOCK: Statement = { name: "document-lock", text: "SELECT value FROM documents WHERE name = $1 FOR UPDATE" };
const LIST: Statement = {
  name: "document-list",
  text: "SELECT name FROM documents WHERE name > $1 AND value IS NOT NULL ORDER BY name LIMIT $2",
};

const MOST_NAME = 2_600;
const keyOf = (name: DocumentName): string => {
  assertDocumentName(name);
  return storedWithin(name, MOST_NAME, "a document's name");
};

/** Documents outside every store. Those who put one in this process do so one after the other, in the order in which they asked. */
export class Documents {
  readonly #database: Database;
  readonly #lines: Lines;

  constructor(database: Database, patience: number) {
    this.#database = database;
    this.#lines = new Lines({ most: 1_000, patience });
  }

  async get(name: DocumentName): Promise<unknown> {
    const [[text] = []] = (await this.#database.query<[string]>(GET, [keyOf(name)])).rows;
    return text === undefined ? undefined : JSON.parse(text);
  }

  async put(name: DocumentName, value: unknown): Promise<void> {
    const text = jsonOf(value, "a document");
    const key = keyOf(name);
    await this.#lines.within(key, () => this.#database.query(PUT, [key, text]));
  }

  async change(name: DocumentName, work: (value: unknown) => unknown): Promise<unknown> {
    const key = keyOf(name);
    return this.#lines.within(key, async () => {
      for (let tries = 1; ; tries++) {
        try {
          return await this.#database.session((session) => change(session, key, work));
        } catch (error) {
          if (!(error instanceof Conflict)) throw error;
          if (tries === TRIES) throw failure(error.cause);
          await beforeNext(tries);
        }
      }
    });
  }

  async list(after: string, limit: number): Promise<DocumentName[]> {
    assertLimit(limit);
    const { rows } = await this.#database.query<[string]>(LIST, [after === "" ? "" : storedWithin(after, MOST_NAME * 4, "a name"), limit]);
    return rows.map(([name]) => unstored(name) as DocumentName);
  }
}

class Conflict extends Error {}

async function change(session: Session, key: string, work: (value: unknown) => unknown): Promise<unknown> {
  const asked = <Result>(answer: Promise<Result>): Promise<Result> =>
    answer.catch((cause: unknown) => {
      throw isConflict(session.fault?.cause ?? cause) ? new Conflict("", { cause }) : failure(cause);
    });
  session.run("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE").catch(() => {});
  session.run(MAKE, [key]).catch(() => {});
  const [[text] = [null]] = (await asked(session.run<[string | null]>(LOCK, [key]))).rows;
  const before = text === null ? undefined : JSON.parse(text);
  const after = work(before);
  if (after === undefined) {
    session.rollBack();
    return text === null ? undefined : JSON.parse(text);
  }
  const json = jsonOf(after, "a document");
  const put = session.run(PUT, [key, json]);
  const committed = session.run("COMMIT");
  await asked(put);
  if ((await asked(committed)).command !== "COMMIT") throw failure(session.fault?.cause);
  return JSON.parse(json);
}
