/** One holder at a time for each key. */
export interface KeyedLock {
  /** Resolves when the key is free; the answer releases it. */
  acquire(key: string): Promise<() => void>;
  /** Undefined where someone has it. */
  tryAcquire(key: string): (() => void) | undefined;
  run<T>(key: string, work: () => Promise<T>): Promise<T>;
}

export function keyedLock(): KeyedLock {
  const tails = new Map<string, Promise<void>>();
  const queue = (key: string): { before: Promise<void>; release: () => void } => {
    const before = tails.get(key) ?? Promise.resolve();
    let free: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      free = resolve;
    });
    const tail = before.then(() => held);
    tails.set(key, tail);
    const release = () => {
      if (tails.get(key) === tail) tails.delete(key);
      free();
    };
    return { before, release };
  };
  const acquire = async (key: string): Promise<() => void> => {
    const { before, release } = queue(key);
    await before;
    return release;
  };
  return {
    acquire,
    tryAcquire: (key) => (tails.has(key) ? undefined : queue(key).release),
    async run(key, work) {
      const release = await acquire(key);
      try {
        return await work();
      } finally {
        release();
      }
    },
  };
}
