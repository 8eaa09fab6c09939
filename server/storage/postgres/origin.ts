import type { ClientBase } from "pg";
import { lacksSomething, type Standby } from "../medium.ts";
import { type Medium, StorageError } from "../storage.ts";
import { codeOf } from "./failure.ts";

/** A standby has no timeline of its own yet. The first eight digits of a log file's name are its timeline. */
const MEDIUM = `SELECT system_identifier::text || '/' || (SELECT oid FROM pg_database WHERE datname = current_database()),
  CASE WHEN pg_is_in_recovery() THEN NULL ELSE left(pg_walfile_name(pg_current_wal_lsn()), 8) END FROM pg_control_system()`;

/** No such function here, or not for us (feature_not_supported, undefined_function, insufficient_privilege): it can't be told. */
const CANT_TELL = ["0A000", "42883", "42501"];

interface Found {
  readonly place: string;
  readonly timeline: number | null;
}

const standby = (): StorageError => new StorageError("failed", "the database is a standby, and not promoted");

/**
 * Which database the connections of this process lead to. An address follows whatever stands behind it: after a promotion or a restore it
 * may lead to an older state, of which nobody may read before every grant in it is paused. So each new connection shows that it leads to
 * where the first one led; after one that doesn't there are no more.
 */
export class Origin {
  readonly #standby: Standby;
  readonly #moved: () => void;
  #first: Found | null | undefined;
  #isGone = false;

  /** @param moved called once, when a connection led elsewhere */
  constructor(standby: Standby, moved: () => void) {
    this.#standby = standby;
    this.#moved = moved;
  }

  get isGone(): boolean {
    return this.#isGone;
  }

  /** Of all connections so far; null: the database can't tell. @throws {StorageError} `failed`: it is a standby */
  get medium(): Medium | null {
    const { place, timeline } = this.#first ?? {};
    if (place === undefined || timeline === undefined) return null;
    if (timeline === null) throw standby();
    return { place, timeline };
  }

  /** @throws {StorageError} `failed`: there was one that led elsewhere */
  assertHere(): void {
    if (this.#isGone) throw new StorageError("failed", "the database is another one, or in an earlier state: start this process again");
  }

  /** Looks at a new connection, before anybody uses it. @throws {StorageError} `failed` */
  async check(client: ClientBase): Promise<void> {
    const found = await mediumOf(client);
    if (this.#first === undefined) this.#first = found;
    else if (this.#first !== null && found !== null) this.#compare(this.#first, found);
    this.assertHere();
  }

  #compare(first: Found, { place, timeline }: Found): void {
    const before = { place: first.place, timeline: first.timeline ?? 0 };
    // Who began on a standby (a backup) goes on with what has become of it.
    if (lacksSomething(before, { place, timeline: timeline ?? before.timeline }, first.timeline === null ? "synchronous" : this.#standby)) {
      if (!this.#isGone) this.#moved();
      this.#isGone = true;
    } else if (timeline !== null) this.#first = { place, timeline };
    else if (first.timeline !== null) throw standby();
  }
}

async function mediumOf(client: ClientBase): Promise<Found | null> {
  try {
    const { rows } = await client.query<[string, string | null]>({ text: MEDIUM, rowMode: "array" });
    const [place, timeline] = rows[0] ?? [];
    if (place === undefined || timeline === undefined) throw new StorageError("failed", "the database does not say which one it is");
    return { place, timeline: timeline === null ? null : Number.parseInt(timeline, 16) };
  } catch (error) {
    if (CANT_TELL.includes(codeOf(error) ?? "")) return null;
    throw error;
  }
}
