import type { Answer, Question } from "./messages.ts";
import { type OpenedFile, openFile, type Preview } from "./open-file.ts";
import { ImportRefusal } from "./refusal.ts";

/*
 * Reads files beside the page, so that it stays responsive. No key ever comes here, and nothing leaves but answers to the page: the page's
 * own Content-Security-Policy lets this worker connect to nothing but the page's origin, and it never does.
 */
let opened: OpenedFile | undefined;

const tell = (answer: Answer): void => self.postMessage(answer);
const onProgress = (done: number, total: number): void => tell({ done, total });

function answer(question: Question): Answer {
  if ("open" in question) {
    opened = undefined;
    const { bytes, name, today, entry } = question.open;
    opened = openFile(bytes, name, { today, entry, onProgress });
    return { found: opened.found };
  }
  if (opened === undefined) return { failed: "nothing is open" };
  if ("reading" in question) return { reading: opened.reading(question.reading) };
  const preview = opened.prepare(question.prepare.choices, question.prepare.around);
  return { preview: preview && inParts(preview) };
}

const PART = 500;

function inParts(preview: Preview): Preview {
  const { candidates, faults } = preview;
  for (let at = 0; at < Math.max(candidates.length, faults.length); at += PART)
    tell({ part: { candidates: candidates.slice(at, at + PART), faults: faults.slice(at, at + PART) } });
  return { ...preview, candidates: [], faults: [] };
}

self.onmessage = ({ data }: MessageEvent<Question>) => {
  try {
    tell(answer(data));
  } catch (fault) {
    tell(
      fault instanceof ImportRefusal ? { refused: fault.code, detail: fault.detail } : { failed: fault instanceof Error ? fault.name : "" },
    );
  }
};
