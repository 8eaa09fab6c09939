import type { Duplex } from "node:stream";
import type { Client, ClientBase, QueryArrayConfig } from "pg";
import { isConflict } from "./failure.ts";

/** A prepared statement: the database plans it once for each connection. Rows come as arrays. */
export interface Statement {
  readonly name: string;
  readonly text: string;
}

export interface Answer<Row extends unknown[]> {
  readonly rows: Row[];
  /** What was done, as `COMMIT`. */
  readonly command: string;
  readonly rowCount: number;
}

/**
 * One connection for one piece of work. What is asked is sent at once, without waiting for the answer to what was asked before; the
 * database does one after the other.
 */
export class Session {
  readonly #client: ClientBase;
  readonly #wire: Duplex;
  #isHeld = false;
  #isOver = false;
  /** The first thing that went wrong: what comes after it says less. */
  fault: { readonly cause: unknown } | undefined;

  /** Of this connection: see `Database.wasCommitted`. */
  readonly since: string;

  constructor(client: ClientBase, since: string) {
    this.#client = client;
    this.since = since;
    this.#wire = (client as unknown as Pick<Client, "connection">).connection.stream;
  }

  run<Row extends unknown[]>(statement: Statement | string, values: unknown[] = []): Promise<Answer<Row>> {
    if (statement === "COMMIT") this.#isOver = true;
    this.#holdBack();
    const query: QueryArrayConfig =
      typeof statement === "string" ? { text: statement, rowMode: "array" } : { ...statement, values, rowMode: "array" };
    const asked = this.#client.query<Row>(query).then(
      ({ rows, command, rowCount }) => ({ rows, command, rowCount: rowCount ?? 0 }),
      (cause: unknown) => {
        // A deadlock is told to one statement; those sent behind it only hear that the transaction is over.
        if (this.fault === undefined || isConflict(cause)) this.fault = { cause };
        throw cause;
      },
    );
    // Who waits for another first is told by that one.
    asked.catch(() => {});
    return asked;
  }

  /** Ends a transaction that has written nothing. Nobody needs to wait for it: who comes next on this connection is behind it. */
  rollBack(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    void this.run("ROLLBACK").catch(() => {});
  }

  /** What is asked in one turn goes out in one piece: each piece costs a call of the system, which costs more than what is in it. */
  #holdBack(): void {
    if (this.#isHeld) return;
    this.#isHeld = true;
    this.#wire.cork();
    process.nextTick(() => {
      this.#isHeld = false;
      this.#wire.uncork();
    });
  }
}
