import type { Client } from "pg";
import type { FeedName } from "../storage.ts";
import type { Database } from "./database.ts";

const CHANNEL = "counterfoil_feeds";
/** Bytes: PostgreSQL takes less than 8 000. */
const PAYLOAD = 7_900;
/** Milliseconds in which names are gathered: a notice takes a lock of the whole database server for a moment. */
const GATHERED = 5;
const LATEST = 5_000;
const CHECKED = 30_000;

/**
 * Tells other processes that feeds have grown, and is told by them: on a connection of its own, after the transaction that it is about.
 * What is not told is lost: whoever listens looks by itself from time to time.
 */
export class Bell {
  readonly #database: Database;
  readonly #looks = new Set<(feed: FeedName) => void>();
  readonly #gathered = new Set<FeedName>();
  #client: Client | undefined;
  #connecting: Promise<void> | undefined;
  #failures = 0;
  #timer: NodeJS.Timeout | undefined;
  #ringing: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(database: Database) {
    this.#database = database;
  }

  listen(look: (feed: FeedName) => void): () => void {
    const mine = (feed: FeedName) => look(feed);
    this.#looks.add(mine);
    this.#connect();
    return () => void this.#looks.delete(mine);
  }

  /** Those of this process are told directly. */
  ring(feeds: Iterable<FeedName>): void {
    for (const feed of feeds) this.#gathered.add(feed);
    if (this.#ringing !== undefined || this.#gathered.size === 0 || this.#isClosed) return;
    this.#connect();
    this.#ringing = setTimeout(() => {
      this.#ringing = undefined;
      void this.#tell();
    }, GATHERED);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#ringing);
    await this.#connecting;
    await this.#tell();
    await this.#client?.end().catch(() => {});
  }

  async #tell(): Promise<void> {
    const feeds = [...this.#gathered];
    this.#gathered.clear();
    this.#look(feeds);
    await this.#connecting;
    try {
      for (const payload of payloads(feeds)) await this.#client?.query("SELECT pg_notify($1, $2)", [CHANNEL, payload]);
    } catch {
      this.#again();
    }
  }

  #look(feeds: readonly FeedName[]): void {
    for (const look of [...this.#looks]) for (const feed of feeds) look(feed);
  }

  #connect(): void {
    if (this.#client !== undefined || this.#connecting !== undefined || this.#timer !== undefined || this.#isClosed) return;
    this.#connecting = this.#open().finally(() => {
      this.#connecting = undefined;
    });
  }

  async #open(): Promise<void> {
    try {
      // Nothing that it says must outlive a crash.
      const client = await this.#database.connect({ options: "-c synchronous_commit=off", application_name: "counterfoil bell" });
      this.#client = client;
      client.on("end", () => {
        if (this.#client === client) this.#again();
      });
      client.on("notification", ({ processId, payload }) => {
        if (processId !== (client as Client & { processID?: number }).processID && payload !== undefined)
          this.#look(payload.split("\n") as FeedName[]);
      });
      await client.query(`LISTEN ${CHANNEL}`);
      this.#failures = 0;
      this.#check(client);
    } catch {
      this.#again();
    }
  }

  /** A connection that a firewall has forgotten says nothing for ever. */
  #check(client: Client): void {
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      client.query("SELECT 1").then(
        () => {
          if (this.#client === client && !this.#isClosed) this.#check(client);
        },
        () => this.#again(),
      );
    }, CHECKED);
    this.#timer.unref();
  }

  /** A new connection, soon. */
  #again(): void {
    void this.#client?.end().catch(() => {});
    this.#client = undefined;
    if (this.#isClosed) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        this.#connect();
      },
      Math.random() * Math.min(LATEST, 100 * 2 ** this.#failures++),
    );
    this.#timer.unref();
  }
}

/** Names in pieces that a notice can hold. None has a line break in it: it is no part of an address. */
function payloads(feeds: readonly FeedName[]): string[] {
  const pieces: string[] = [];
  let piece = "";
  for (const feed of feeds) {
    if (feed.includes("\n") || Buffer.byteLength(feed) > PAYLOAD) continue;
    if (piece !== "" && Buffer.byteLength(piece) + Buffer.byteLength(feed) + 1 > PAYLOAD) {
      pieces.push(piece);
      piece = "";
    }
    piece += piece === "" ? feed : `\n${feed}`;
  }
  return piece === "" ? pieces : [...pieces, piece];
}
