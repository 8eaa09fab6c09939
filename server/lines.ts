import { constants, createGzip, type Gzip } from "node:zlib";

/** An answer that is sent as it is made. */
export interface Lines {
  /** Each ends at the end of a line. */
  readonly pieces: AsyncGenerator<string, void>;
  /** Called once: at its end, or when its reader has gone. */
  end(): Promise<void>;
  /** How many records it had so far. */
  records(): number;
}

/** Milliseconds in which a reader takes nothing before it is cut off. */
const STALL = 60_000;

interface Sending {
  readonly gzip: boolean;
  readonly stall?: number;
}

/** Pieces are made as they are taken: one waits, at most. `done` resolves at the end, whichever it is. */
export function sent(
  { pieces, end, records }: Lines,
  { gzip, stall = STALL }: Sending,
): { body: ReadableStream<Uint8Array<ArrayBuffer>>; done: Promise<number> } {
  const zip = gzip ? new Zip() : undefined;
  const encoder = new TextEncoder();
  let timer: NodeJS.Timeout | undefined;
  let over: Promise<void> | undefined;
  let finish: (count: number) => void = () => {};
  const done = new Promise<number>((resolve) => {
    finish = resolve;
  });
  const close = (): Promise<void> => {
    clearTimeout(timer);
    over ??= (async () => {
      zip?.destroy();
      await pieces.return();
      await end();
    })().finally(() => finish(records()));
    return over;
  };
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      async pull(controller) {
        clearTimeout(timer);
        try {
          const piece = await pieces.next();
          if (over !== undefined) return;
          if (piece.done === true) {
            if (zip !== undefined) controller.enqueue(await zip.end());
            controller.close();
            await close();
            return;
          }
          controller.enqueue(zip === undefined ? encoder.encode(piece.value) : await zip.add(piece.value));
          timer = setTimeout(() => {
            controller.error(new Error("the reader took nothing"));
            void close();
          }, stall);
        } catch (error) {
          await close();
          throw error;
        }
      },
      cancel: close,
    },
    { highWaterMark: 0 },
  );
  return { body, done };
}

/** Whether a reader takes gzip (RFC 9110, 12.5.3). */
export function takesGzip(accepted: string | undefined): boolean {
  const weights = new Map<string, number>();
  for (const each of (accepted ?? "").toLowerCase().split(",")) {
    const [coding = "", ...parameters] = each.split(";").map((text) => text.trim());
    const weight = parameters.find((text) => text.startsWith("q="))?.slice(2) ?? "1";
    weights.set(coding, Number(weight));
  }
  return (weights.get("gzip") ?? weights.get("x-gzip") ?? weights.get("*") ?? 0) > 0;
}

/** One stream of gzip, brought to a byte's end after each piece, so that its reader has all of it at once. */
class Zip {
  // Sealed values are as good as random: more effort finds nothing more.
  readonly #zip: Gzip = createGzip({ level: 1 });
  #out: Buffer[] = [];

  constructor() {
    this.#zip.on("data", (bytes: Buffer) => this.#out.push(bytes));
  }

  async add(text: string): Promise<Uint8Array<ArrayBuffer>> {
    this.#zip.write(text);
    await new Promise<void>((resolve, reject) => {
      this.#zip.once("error", reject);
      this.#zip.flush(constants.Z_SYNC_FLUSH, () => {
        this.#zip.off("error", reject);
        resolve();
      });
    });
    return this.#taken();
  }

  async end(): Promise<Uint8Array<ArrayBuffer>> {
    await new Promise<void>((resolve, reject) => {
      this.#zip.once("error", reject).once("end", resolve).end();
    });
    return this.#taken();
  }

  destroy(): void {
    this.#zip.destroy();
  }

  #taken(): Uint8Array<ArrayBuffer> {
    const bytes = Uint8Array.from(Buffer.concat(this.#out));
    this.#out = [];
    return bytes;
  }
}
