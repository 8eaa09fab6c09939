import { tables } from "./0001-tables.ts";

/**
 * What brings a database from one version to the next: the first one makes version 1. One that was released is never changed; what
 * comes after it must leave a server of the version before it working, since servers are replaced one after the other.
 */
export const MIGRATIONS: readonly string[] = [tables];
