import { blank, type Memory, type Remembered } from "./memory.ts";

const NAME = "counterfoil";
const ROWS = "stores";

const answer = <T>(request: IDBRequest<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("IndexedDB failed"));
  });

function open(): Promise<IDBDatabase> {
  const request = indexedDB.open(NAME, 1);
  request.onupgradeneeded = () => {
    request.result.createObjectStore(ROWS, { keyPath: "account" });
  };
  return answer(request);
}

const done = (work: IDBTransaction): Promise<void> =>
  new Promise((resolve, reject) => {
    work.oncomplete = () => resolve();
    work.onabort = () => reject(work.error ?? new Error("IndexedDB failed"));
  });

/** The memory of this browser, in IndexedDB. */
export function memoryInBrowser(): Memory {
  let database: Promise<IDBDatabase> | undefined;
  const rows = async (mode: IDBTransactionMode): Promise<IDBObjectStore> => {
    for (let attempt = 1; ; attempt++) {
      database ??= open();
      try {
        return (await database).transaction(ROWS, mode, { durability: "strict" }).objectStore(ROWS);
      } catch (error) {
        // The browser closes it when a site's data is cleared, as signing out does.
        database = undefined;
        if (attempt === 2) throw error;
      }
    }
  };
  return {
    async read(account) {
      return (await answer((await rows("readonly")).get(account))) as Remembered | undefined;
    },
    async change(account, change) {
      const store = await rows("readwrite");
      const finished = done(store.transaction);
      const request = store.get(account) as IDBRequest<Remembered | undefined>;
      request.onsuccess = () => store.put(change(request.result ?? blank(account)));
      await finished;
    },
    async forget(account) {
      const store = await rows("readwrite");
      const finished = done(store.transaction);
      store.delete(account);
      await finished;
    },
  };
}
