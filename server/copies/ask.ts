import { type IncomingMessage, request } from "node:http";
import { createInterface } from "node:readline";
import * as v from "valibot";
import { StorageError } from "../storage/storage.ts";
import { CopyError } from "./copy-error.ts";
import { StoreRow } from "./format.ts";
import { socketOf, tooLongFor } from "./serve.ts";
import type { CopySource, StoreTaker } from "./source.ts";

const PATIENCE = 30_000;
const TRIES = 5;

const Names = v.array(v.string());
const Entries = v.array(v.strictTuple([v.number(), v.unknown()]));
const StoreLine = v.union([
  v.strictObject({ rows: v.array(StoreRow) }),
  v.strictObject({
    bearings: v.strictObject({
      names: v.array(v.strictTuple([v.picklist(["grant", "locator"]), v.string()])),
      due: v.nullable(v.number()),
    }),
  }),
  v.strictObject({ gone: v.literal(true) }),
  v.strictObject({ fault: v.strictObject({ code: v.picklist(["failed", "corrupt", "full"]), message: v.string() }) }),
]);

/** The server that has this folder to itself, to be asked for a copy; undefined: none answers there. @throws {CopyError} `unreachable` */
export async function runningSource(folder: string): Promise<CopySource | undefined> {
  if (tooLongFor(folder) > 0) return undefined;
  const path = socketOf(folder);
  const ask = async <Shape extends v.GenericSchema>(shape: Shape, what: string, query: Record<string, string | undefined>) => {
    let text = "";
    for await (const chunk of (await open(path, what, query)).setEncoding("utf8")) text += chunk as string;
    return v.parse(shape, JSON.parse(text));
  };
  const source: CopySource = {
    engine: "embedded",
    listDocuments: (after) => ask(Names, "documents", { after }),
    getDocument: async (name) => (await ask(v.unknown(), "document", { name })) ?? undefined,
    listStores: (after) => ask(Names, "stores", { after }),
    listFeeds: (kind, after) => ask(Names, "feeds", { kind, after }),
    readFeed: (name, after) => ask(Entries, "feed", { name, after: String(after) }),
    readStore: (id, taker) => readStore(path, id, taker),
  };
  try {
    await source.listDocuments(undefined);
    return source;
  } catch (error) {
    if (["ENOENT", "ECONNREFUSED"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw new CopyError("unreachable", `the server that has ${folder} open does not answer at ${path}`, { cause: error });
  }
}

async function readStore(path: string, id: string, taker: StoreTaker): Promise<boolean> {
  for (let tries = 1; ; tries++) {
    try {
      const answer = await open(path, "store", { name: id });
      await taker.begin();
      for await (const line of createInterface({ input: answer, crlfDelay: Number.POSITIVE_INFINITY })) {
        const said = v.parse(StoreLine, JSON.parse(line));
        if ("rows" in said) await taker.take(said.rows);
        else if ("gone" in said) return false;
        else if ("fault" in said) throw new StorageError(said.fault.code, said.fault.message);
        else {
          await taker.end(said.bearings);
          return true;
        }
      }
      throw new CopyError("unreachable", "the running server broke off");
    } catch (cause) {
      if (isOurs(cause) || (cause instanceof StorageError && cause.code === "corrupt")) throw cause;
      if (tries === TRIES)
        throw new CopyError(
          "unreachable",
          "the running server could not read a store to its end: look at its log, then go on by --resume",
          {
            cause,
          },
        );
    }
  }
}

/** A fault of the file that is written: to ask again would not help. */
const isOurs = (error: unknown): boolean => ["ENOSPC", "EIO", "EROFS", "EDQUOT"].includes((error as NodeJS.ErrnoException).code ?? "");

function open(path: string, what: string, query: Record<string, string | undefined>): Promise<IncomingMessage> {
  const search = new URLSearchParams(Object.entries(query).filter((each): each is [string, string] => each[1] !== undefined));
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath: path, path: `/${what}?${search}`, timeout: PATIENCE, agent: false }, (answer) => {
      if (answer.statusCode === 200) resolve(answer);
      else reject(new CopyError("unreachable", "the running server is of another version"));
    });
    asked.on("timeout", () => asked.destroy(new Error("no answer")));
    asked.on("error", reject);
    asked.end();
  });
}
