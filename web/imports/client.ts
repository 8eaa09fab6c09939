import type { Candidate } from "./candidate.ts";
import type { Mapping } from "./mapping.ts";
import type { Answer, Question } from "./messages.ts";
import type { Around, Choices, Found, Preview } from "./open-file.ts";
import type { Fault } from "./place.ts";
import { ImportRefusal } from "./refusal.ts";
import { startReader } from "./start-reader.ts";

/** A file that is being read, in a worker of its own. */
export interface Reader {
  open(bytes: Uint8Array, name: string, today: string, entry?: string): Promise<Found>;
  /** Undefined while something has to be asked first. */
  prepare(choices: Choices, around: Around): Promise<Preview | undefined>;
  reading(columns: Mapping["columns"]): Promise<Pick<Mapping, "dates" | "decimal" | "meaning"> | undefined>;
  /** Ends it at once, whatever it is doing: what was asked is never answered. */
  close(): void;
}

/** @throws {TypeError} if the worker is not the one that was built, or can't be reached */
export async function createReader(onProgress: (done: number, total: number) => void): Promise<Reader> {
  const worker = await startReader();
  let last: Promise<unknown> = Promise.resolve();
  const ask = (question: Question): Promise<Answer> => {
    const answered = last.then(
      () =>
        new Promise<Answer>((resolve, reject) => {
          const candidates: Candidate[] = [];
          const faults: Fault[] = [];
          worker.onmessage = ({ data }: MessageEvent<Answer>) => {
            if ("done" in data) onProgress(data.done, data.total);
            else if ("part" in data) {
              candidates.push(...data.part.candidates);
              faults.push(...data.part.faults);
            } else if ("refused" in data) reject(new ImportRefusal(data.refused, data.detail));
            else if ("failed" in data) reject(new Error(`the reader failed: ${data.failed}`));
            else if ("preview" in data) resolve({ preview: data.preview && { ...data.preview, candidates, faults } });
            else resolve(data);
          };
          worker.onerror = () => reject(new Error("the reader stopped"));
          worker.postMessage(question, "open" in question ? [question.open.bytes.buffer] : []);
        }),
    );
    last = answered.catch(() => undefined);
    return answered;
  };
  return {
    open: async (bytes, name, today, entry) => {
      const answer = await ask({ open: { bytes, name, today, entry } });
      if (!("found" in answer)) throw new Error("another answer than was asked for");
      return answer.found;
    },
    prepare: async (choices, around) => {
      const answer = await ask({ prepare: { choices, around } });
      return "preview" in answer ? answer.preview : undefined;
    },
    reading: async (columns) => {
      const answer = await ask({ reading: columns });
      return "reading" in answer ? answer.reading : undefined;
    },
    close: () => worker.terminate(),
  };
}
