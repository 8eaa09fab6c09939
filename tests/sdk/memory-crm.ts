import { defineSink } from "../../vendor-sdk/crm/define-sink.ts";
import { flatten } from "../../vendor-sdk/crm/mapping.ts";
import type { Remainder, Sink, Values } from "../../vendor-sdk/crm/sink.ts";
import { CounterfoilError } from "../../vendor-sdk/error.ts";

/** A CRM in memory that can be told to fail. */
export interface Crm {
  sink: Sink;
  rows: Map<string, Values>;
  /** What was done, in order. */
  log: string[];
  /** What stays of a person whose row is gone. */
  remains: Remainder[];
  fail: { create?: boolean; erase?: boolean; commit?: boolean; meanwhile?: () => void };
}

export function crm(name = "crm"): Crm {
  const rows = new Map<string, Values>();
  const log: string[] = [];
  const fail: Crm["fail"] = {};
  const remains: Remainder[] = [];
  const broken = () => new CounterfoilError("unavailable", "the CRM is down");
  const sink = defineSink<string>({
    name,
    check: async () => [],
    toTarget: flatten,
    find: async (key) => (rows.has(key) ? { id: key, values: rows.get(key) ?? {} } : undefined),
    async create(key, values) {
      if (fail.create) throw broken();
      log.push("create");
      rows.set(key, values);
    },
    async patch(key, changes) {
      log.push("patch");
      rows.set(
        key,
        Object.fromEntries(Object.entries({ ...rows.get(key), ...changes }).filter((pair): pair is [string, string] => pair[1] !== null)),
      );
    },
    async erase(key) {
      if (fail.erase) throw broken();
      fail.meanwhile?.();
      log.push("erase");
      rows.delete(key);
      return { did: ["deleted"], remains: [] };
    },
    remains: async () => remains,
    async commit() {
      if (fail.commit) throw broken();
    },
  });
  return { sink, rows, log, remains, fail };
}
