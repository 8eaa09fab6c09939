import { batch, type Signal, useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import type { Candidate } from "../../imports/candidate.ts";
import { createReader, type Reader } from "../../imports/client.ts";
import { LIMITS } from "../../imports/limits.ts";
import type { Mapping } from "../../imports/mapping.ts";
import type { Choices, Found, Preview } from "../../imports/open-file.ts";
import { ImportRefusal } from "../../imports/refusal.ts";
import { fieldDay } from "../../parts/dates.ts";
import type { Vault } from "../../vault/vault.ts";

export interface Progress {
  readonly done: number;
  readonly total: number;
}

/** Where one is: every step holds what the ones before it found out. */
export type Step =
  | { readonly at: "choose" }
  | { readonly at: "reading"; readonly file: string }
  | { readonly at: "found"; readonly found: Found }
  | { readonly at: "bringing"; readonly found: Found; readonly stopping: boolean }
  | { readonly at: "done"; readonly found: Found; readonly id: string; readonly count: number; readonly purchases: boolean };

export interface Session {
  readonly step: Signal<Step>;
  readonly choices: Signal<Choices>;
  /** Undefined while it is being worked out, or while something has to be asked first. */
  readonly preview: Signal<Preview | undefined>;
  readonly working: Signal<boolean>;
  readonly progress: Signal<Progress | undefined>;
  /** What was thrown last, and of which file. */
  readonly fault: Signal<{ readonly error: unknown; readonly file: string } | undefined>;
  /** Candidates whose tick is another one than they come with, by their place in the preview. */
  readonly flipped: Signal<ReadonlySet<number>>;
  /** Doubles are brought in too. */
  readonly anyway: Signal<boolean>;
  open(file: Blob, name: string): void;
  /** The same archive again, for this file in it. */
  reopen(entry: string): void;
  choose(choices: Choices): void;
  /** Other columns: what they say of days and sums is found out anew. */
  map(columns: Mapping["columns"]): void;
  bring(): void;
  cancel(): void;
  reset(): void;
}

/** Whether it is brought in, before its customer has ticked anything. */
export const isIn = ({ doubt }: Candidate, anyway: boolean): boolean =>
  doubt === undefined || (anyway && (doubt === "known" || doubt === "repeated"));

export const chosenOf = (preview: Preview | undefined, flipped: ReadonlySet<number>, anyway: boolean): Candidate[] =>
  (preview?.candidates ?? []).filter((each, at) => isIn(each, anyway) !== flipped.has(at));

/** Only what a file of this shape can double. */
const KNOWN: Record<Found["shape"], RegExp> = { people: /^profile\//, table: /^(purchases|profile\/name)$/, records: /./, files: /^$/ };

/** One import from its file to its end. What was set for a table stays for the next file with the same columns. */
export function useSession(vault: Vault): Session {
  const step = useSignal<Step>({ at: "choose" });
  const choices = useSignal<Choices>({});
  const preview = useSignal<Preview | undefined>(undefined);
  const working = useSignal(false);
  const progress = useSignal<Progress | undefined>(undefined);
  const fault = useSignal<Session["fault"]["value"]>(undefined);
  const flipped = useSignal<ReadonlySet<number>>(new Set<number>());
  const anyway = useSignal(false);
  const session = useMemo(() => {
    const mappings = new Map<string, Mapping>();
    let reader: Reader | undefined;
    let file: { blob: Blob; name: string } | undefined;
    let stop: AbortController | undefined;
    /** The latest of what was asked; earlier answers count for nothing. */
    let turn = 0;
    const shut = (): void => {
      turn += 1;
      reader?.close();
      reader = undefined;
    };
    const fails = (error: unknown, back: Step): void => {
      fault.value = { error, file: file?.name ?? "" };
      working.value = false;
      progress.value = undefined;
      step.value = back;
    };
    const prepare = async (): Promise<void> => {
      const now = step.value;
      if (now.at !== "found" || reader === undefined) return;
      turn += 1;
      const mine = turn;
      working.value = true;
      const store = vault.store.peek();
      const known = (store?.records ?? []).filter(({ kind, value }) => value !== null && KNOWN[now.found.shape].test(kind));
      const around = { today: fieldDay(Date.now()), known: known.map(({ kind, value }) => ({ kind, value })) };
      try {
        const made = await reader.prepare(choices.peek(), around);
        if (mine !== turn) return;
        batch(() => {
          preview.value = made;
          flipped.value = new Set();
          working.value = false;
          progress.value = undefined;
        });
      } catch (error) {
        if (mine === turn) fault.value = { error, file: file?.name ?? "" };
      }
      if (mine === turn) {
        working.value = false;
        progress.value = undefined;
      }
    };
    const read = async (blob: Blob, name: string, entry: string | undefined): Promise<void> => {
      shut();
      const mine = turn;
      file = { blob, name };
      fault.value = undefined;
      preview.value = undefined;
      choices.value = {};
      anyway.value = false;
      progress.value = undefined;
      step.value = { at: "reading", file: name };
      try {
        await refuseTooBig(blob);
        const opened = await createReader((done, total) => {
          if (turn >= mine) progress.value = { done, total };
        });
        if (mine !== turn) return opened.close();
        reader = opened;
        const found = await opened.open(new Uint8Array(await blob.arrayBuffer()), name, fieldDay(Date.now()), entry);
        if (mine !== turn) return;
        if (found.shape === "table") choices.value = { mapping: mappings.get(found.columns.join("\n")) ?? found.mapping };
        step.value = { at: "found", found };
        progress.value = undefined;
        await prepare();
      } catch (error) {
        if (mine === turn) fails(error, { at: "choose" });
      }
    };
    const choose = (chosen: Choices): void => {
      choices.value = chosen;
      const now = step.value;
      if (now.at === "found" && now.found.shape === "table" && chosen.mapping) mappings.set(now.found.columns.join("\n"), chosen.mapping);
      void prepare();
    };
    const map = async (columns: Mapping["columns"]): Promise<void> => {
      const { mapping } = choices.value;
      if (mapping === undefined || reader === undefined) return;
      const same = columns.date === mapping.columns.date && columns.amount === mapping.columns.amount;
      choices.value = { ...choices.value, mapping: { ...mapping, columns } };
      const told = same ? undefined : await reader.reading(columns).catch(() => undefined);
      const latest = choices.value.mapping ?? mapping;
      choose({ ...choices.value, mapping: { ...latest, ...told } });
    };
    const bring = async (): Promise<void> => {
      const now = step.value;
      if (now.at !== "found") return;
      const chosen = chosenOf(preview.value, flipped.value, anyway.value);
      if (chosen.length === 0) return;
      const edits = chosen.map(({ path, value }) => ({ path, value }));
      stop = new AbortController();
      fault.value = undefined;
      progress.value = { done: 0, total: edits.length };
      step.value = { at: "bringing", found: now.found, stopping: false };
      try {
        const id = await vault.bring(
          { file: now.found.file, format: now.found.format, edits },
          {
            signal: stop.signal,
            onProgress: (told) => {
              progress.value = told;
            },
          },
        );
        shut();
        preview.value = undefined;
        const purchases = chosen.some(({ path }) => path === "purchases");
        step.value = { at: "done", found: now.found, id, count: edits.length, purchases };
      } catch (error) {
        fails(error, now);
      }
      progress.value = undefined;
    };
    const reset = (): void => {
      shut();
      fault.value = undefined;
      preview.value = undefined;
      progress.value = undefined;
      step.value = { at: "choose" };
    };
    return {
      open: (blob: Blob, name: string) => void read(blob, name, undefined),
      reopen: (entry: string) => void (file && read(file.blob, file.name, entry)),
      choose,
      map: (columns: Mapping["columns"]) => void map(columns),
      bring: () => void bring(),
      cancel: () => {
        const now = step.value;
        if (now.at === "bringing") {
          stop?.abort();
          step.value = { ...now, stopping: true };
        } else reset();
      },
      reset,
    };
  }, [vault]);
  const unlocked = vault.state.value === "unlocked";
  useEffect(() => {
    // A locked page keeps nothing that could be read; an import under way ends by itself.
    if (!unlocked && step.value.at !== "bringing") session.reset();
  }, [unlocked, session]);
  useEffect(() => session.reset, [session]);
  return { step, choices, preview, working, progress, fault, flipped, anyway, ...session };
}

/** Before all of it is in memory. */
async function refuseTooBig(blob: Blob): Promise<void> {
  const [first, second] = new Uint8Array(await blob.slice(0, 2).arrayBuffer());
  const isZip = first === 0x50 && second === 0x4b;
  if (blob.size > (isZip ? LIMITS.archive : LIMITS.text)) throw new ImportRefusal("too-big", blob.size);
}
