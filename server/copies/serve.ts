import { once } from "node:events";
import { rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { join } from "node:path";
import { type FeedKind, type Storage, StorageError } from "../storage/storage.ts";
import { type CopySource, storageSource } from "./source.ts";

/** Where a server that has a data folder to itself can be asked for a copy, by who may read that folder. */
export const socketOf = (folder: string): string => join(folder, "copies.socket");

/** Bytes: a longer name has no room in an address of the kernel's (unix(7), sun_path). */
const LONGEST_SOCKET = 103;

/** By how many bytes the folder's path is too long for that; 0: it is not. */
export const tooLongFor = (folder: string): number => Math.max(0, Buffer.byteLength(socketOf(folder)) - LONGEST_SOCKET);

/** Who doesn't take what it asked for holds up a customer's store: for so long at most. */
const PATIENCE = 20_000;
const MOST = 4;

/**
 * Lets a backup be made while the server runs: the embedded engine's folder is one process's alone. Reads only; whoever can open the
 * socket can read the folder. The caller has the folder to itself, so that what lies at the socket's place is a dead one.
 * Answers nothing where the folder's name is too long for a socket.
 */
export async function serveCopies(storage: Storage, folder: string): Promise<AsyncDisposable | undefined> {
  if (tooLongFor(folder) > 0) return undefined;
  const path = socketOf(folder);
  await rm(path, { force: true });
  const source = storageSource(storage, "embedded");
  const server = createServer((request, response) => {
    answer(source, request, response).catch(() => response.destroy());
  });
  server.maxConnections = MOST;
  server.requestTimeout = PATIENCE;
  // Others must not get in between the making of the socket and a change of its mode.
  const before = process.umask(0o177);
  try {
    server.listen(path);
  } finally {
    process.umask(before);
  }
  await once(server, "listening");
  return {
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      const closed = once(server, "close");
      server.close();
      await closed;
    },
  };
}

/** One line of JSON for a list; for a store several: rows as they are read, then what leads to it. One that breaks off is asked for again. */
async function answer(source: CopySource, { url = "/" }: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname, searchParams: query } = new URL(url, "http://copies");
  const after = query.get("after") ?? undefined;
  const name = query.get("name") ?? "";
  const end = (value: unknown): void => void response.end(`${JSON.stringify(value ?? null)}\n`);
  if (pathname === "/documents") end(await source.listDocuments(after));
  else if (pathname === "/document") end(await source.getDocument(name));
  else if (pathname === "/stores") end(await source.listStores(after));
  else if (pathname === "/feeds") end(await source.listFeeds(query.get("kind") as FeedKind, after));
  else if (pathname === "/feed") end(await source.readFeed(name, Number(after ?? 0)));
  else if (pathname === "/store") await answerStore(source, name, response);
  else {
    response.statusCode = 404;
    end(null);
  }
}

async function answerStore(source: CopySource, id: string, response: ServerResponse): Promise<void> {
  let begun = false;
  const fault = (error: unknown): { fault: unknown } => {
    if (!(error instanceof StorageError)) throw error;
    return { fault: { code: error.code, message: error.message } };
  };
  const reading = source.readStore(id, {
    async begin() {
      // What was sent before counts no more, and can't be taken back.
      if (begun) throw new Error("read again");
      begun = true;
    },
    take: (rows) => write(response, `${JSON.stringify({ rows })}\n`),
    end: (bearings) => write(response, `${JSON.stringify({ bearings })}\n`),
  });
  const rest = await reading.then((isThere) => (isThere ? undefined : { gone: true }), fault);
  response.end(rest === undefined ? "" : `${JSON.stringify(rest)}\n`);
}

async function write(response: ServerResponse, line: string): Promise<void> {
  if (response.destroyed) throw new Error("nobody is there any more");
  if (!response.write(line)) await once(response, "drain", { signal: AbortSignal.timeout(PATIENCE) });
}
