import { describe, expect, it } from "vitest";
import { type Channel, openChannel } from "../../../web/vault/channel.ts";
import type { FromWorker, ToWorker } from "../../../web/vault/messages.ts";

/** The page's end over a worker that only notes what it is told. */
async function opened(): Promise<{ channel: Channel; told: ToWorker[]; say: (message: FromWorker) => void }> {
  const told: ToWorker[] = [];
  const worker = { postMessage: (message: ToWorker) => told.push(message), terminate: () => undefined } as unknown as Worker;
  const prompts = { get: () => Promise.reject(new Error()), create: () => Promise.reject(new Error()) };
  const channel = openChannel(
    () => Promise.resolve(worker),
    "https://here.example",
    prompts,
    () => undefined,
  );
  await settled();
  return { channel, told, say: (data) => worker.onmessage?.({ data } as MessageEvent) };
}
const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));
const cancels = (told: readonly ToWorker[]) => told.filter((message) => "cancel" in message);

describe("a verb that takes long", () => {
  it("tells how far it is, and hears once that it is to stop, until it has ended", async () => {
    const { channel, told, say } = await opened();
    const stop = new AbortController();
    const steps: number[] = [];
    const answer = channel.callLong("saveAll", { signal: stop.signal, onProgress: ({ done }) => steps.push(done) }, { removals: [] });
    await settled();
    const id = told.find((message) => "id" in message)?.id ?? 0;
    say({ id, progress: { done: 1, total: 2 } });
    expect(steps).toEqual([1]);
    stop.abort();
    await settled();
    expect(cancels(told)).toEqual([{ cancel: id }]);
    say({ id, failure: { code: "cancelled", message: "stopped", reference: undefined, done: 1 } });
    await expect(answer).rejects.toMatchObject({ code: "cancelled", done: 1 });
  });

  it("is stopped at once by a signal that was given already, and not at all after its end", async () => {
    const { channel, told, say } = await opened();
    void channel.callLong("takeBack", { signal: AbortSignal.abort() }, "id").catch(() => undefined);
    await settled();
    expect(cancels(told)).toHaveLength(1);
    const later = new AbortController();
    const answer = channel.callLong("exportSealed", { signal: later.signal });
    await settled();
    say({ id: 2, answer: "made" });
    await answer;
    later.abort();
    await settled();
    expect(cancels(told)).toHaveLength(1);
  });
});
