import type { Storage } from "./storage.ts";

/** The same storage with some of its operations replaced; all else, also what only some engines have, is its own. */
export function withReplaced<Rows extends object>(storage: Storage<Rows>, replaced: Partial<Storage<Rows>>): Storage<Rows> {
  const bound = new Map<string | symbol, unknown>();
  return new Proxy(storage, {
    get(target, name) {
      if (Object.hasOwn(replaced, name)) return Reflect.get(replaced, name);
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      // An engine's own state is private to it: its operations can't be called on anything else.
      if (!bound.has(name)) bound.set(name, value.bind(target));
      return bound.get(name);
    },
  });
}
