/** Works through `items`, `width` at a time. Waits for all that began, then throws the first error. */
export async function inParallel<T>(items: readonly T[], width: number, work: (item: T) => Promise<void>): Promise<void> {
  const waiting = items.values();
  const worker = async (): Promise<void> => {
    for (const item of waiting) await work(item);
  };
  const results = await Promise.allSettled(Array.from({ length: Math.max(1, Math.min(width, items.length)) }, worker));
  const failed = results.find((each) => each.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}
