/** One holder at a time for each key. */
export interface KeyedLock {
  /** Resolves when the key is free; the answer releases it. */
  acquire(key: string): Promise<() => void>;
  run<T>(key: string, work: () => Promise<T>): Promise<T>;
}

export function keyedLock(): KeyedLock {
  const tails = new Map<string, Promise<void>>();
  const acquire = async (key: string): Promise<() => void> => {
    const before = tails.get(key) ?? Promise.resolve();
    let free: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      free = resolve;
    });
    const tail = before.then(() => held);
    tails.set(key, tail);
    await before;
    return () => {
      if (tails.get(key) === tail) tails.delete(key);
      free();
    };
  };
  return {
    acquire,
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
