import { type ReadonlySignal, signal } from "@preact/signals";
import type { AuthorizationDetail, AuthorizationDetails } from "#protocol/authorization-details.ts";
import { digestAt, formOf, isRecordPath, kindAt, SINGLE_PATHS } from "#protocol/categories.ts";
import { covers, splitPath } from "#protocol/paths.ts";
import type {
  Approval,
  ConnectionView,
  DeletionView,
  Edit,
  Kit,
  OutlineView,
  Receipt,
  SharedValue,
  StoreView,
  Vault,
  VaultState,
  WayView,
} from "../../../web/vault/vault.ts";
import { VaultError } from "../../../web/vault/vault.ts";
import { connections, records, request, vendors, ways } from "./prepared.ts";
import { crowd, crowdVendors } from "./prepared-crowd.ts";
import { endings } from "./prepared-endings.ts";
import { manyPurchases } from "./prepared-purchases.ts";
import type { Prepared } from "./prepared-state.ts";

const KIT: Kit = {
  groups: ["ABCD", "EFGH", "IJKL", "MNOP", "QRST", "UVWX", "YZ23", "4567"],
  ask: [1, 6],
  head: { seq: 42, code: "K7QF 2MZA" },
};
const HOUR = 3_600_000;

/** A vault without keys: signals and verbs over prepared states. Every call is kept, for a test to look at. */
export function fakeVault(prepared: Prepared, calls: Array<[string, ...unknown[]]>): Vault {
  const now = Date.now();
  const heldBack = (each: ConnectionView, at: number): ConnectionView =>
    prepared.restored && prepared.restored !== "quiet" && each.state === "active"
      ? { ...each, state: "paused", pausedAt: new Date(now - HOUR).toISOString(), putBack: true, changeLost: at === 1 }
      : each;
  const view = (): StoreView => ({
    created: new Date(now - 40 * 24 * HOUR).toISOString(),
    kit: { confirmed: prepared.kit ?? prepared.store === "full", due: new Date(now + 50 * HOUR).toISOString() },
    records:
      prepared.store === "full"
        ? [...records, ...manyPurchases(prepared.many ?? 0)]
        : SINGLE_PATHS.map((path) => ({ path, kind: path, value: null, version: 1, source: null, sharedWith: [] })),
    connections:
      prepared.store === "full"
        ? [...connections(now), ...(prepared.crowd ? crowd(now) : []), ...(prepared.endings ? endings(now) : [])].map(heldBack)
        : [],
    vendors: prepared.store === "full" ? [...vendors(now), ...(prepared.crowd ? crowdVendors(now) : [])] : [],
    erasing: prepared.erasing ? new Date(now + 6 * 24 * HOUR).toISOString() : null,
    moving: null,
    restored: prepared.restored
      ? {
          at: new Date(now - HOUR).toISOString(),
          from: prepared.fromUnknown ? null : new Date(now - 19 * 24 * HOUR).toISOString(),
          behind: prepared.restored === "behind" || prepared.restored === "held" ? { held: prepared.restored === "held" } : null,
        }
      : null,
    ways: ways(now, prepared.store === "full"),
    head: KIT.head,
    alarms: prepared.alarm
      ? [{ code: "widened", message: "The server's row of Libreria Aldina is not what you gave", at: new Date(now).toISOString() }]
      : [],
  });
  const state = signal<VaultState>(prepared.state);
  const store = signal<StoreView | undefined>(prepared.state === "unlocked" ? view() : undefined);
  const outlines = (all: readonly ConnectionView[]): OutlineView[] =>
    all.map(({ grant, number, state: at, expires }) => ({ grant, number, state: at, expires }));
  const outline = signal<readonly OutlineView[]>(prepared.state === "signed-out" ? [] : outlines(view().connections));

  let reopened = false;
  const verb = async <T>(name: string, args: unknown[], work: () => T): Promise<T> => {
    calls.push([name, ...args]);
    if (prepared.hanging?.includes(name)) await new Promise(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, 20));
    const code = prepared.failing?.[name];
    if (code) throw new VaultError(code, "As the test asked", "req-7731");
    return work();
  };
  const away = signal(prepared.away ?? false);
  const open = (): void => {
    away.value = false;
    state.value = "unlocked";
    store.value ??= view();
    outline.value = outlines(store.value.connections);
  };
  const change = (grant: string, to: Partial<ConnectionView>): void => {
    outline.value = outline.value.map((each) => (each.grant === grant ? { ...each, state: to.state ?? each.state } : each));
    if (store.value)
      store.value = {
        ...store.value,
        connections: store.value.connections.map((each) => (each.grant === grant ? { ...each, ...to } : each)),
      };
  };
  const shared = (details: AuthorizationDetails, edits: readonly Edit[]): SharedValue[] => {
    const typed = edits.map((edit) => ({ path: edit.key === undefined ? edit.path : `${edit.path}/${edit.key}`, value: edit.value }));
    const all = new Map([...(store.value?.records ?? []), ...typed].map((each) => [each.path, each.value]));
    return details.flatMap((detail) => [
      ...detail.paths.flatMap((path) => {
        const values = [...all]
          .filter(([at, value]) => value !== null && at.startsWith(`${splitPath(path).base}/`) && passes(detail, at, value))
          .map(([, value]) => value);
        const digest = digestAt(path)?.of(values as never[], new Date()) ?? null;
        return digest === null ? [] : [{ path, value: digest }];
      }),
      ...[...all].flatMap(([path, value]) => {
        const wide = detail.paths.find((each) => covers(splitPath(each).base, path));
        if (wide === undefined || value === null || !passes(detail, path, value)) return [];
        const { form } = splitPath(wide);
        const at = form === undefined ? path : `${path}:${form}`;
        return digestAt(wide) === undefined ? [{ path: at, value: formOf(at, value, new Date()) }] : [];
      }),
    ]);
  };
  const passes = ({ filter }: AuthorizationDetail, path: string, value: unknown): boolean =>
    filter === undefined || (kindAt(path)?.passes?.(value as never, filter) ?? true);
  const put = (edits: readonly Edit[], source: string | null): void => {
    if (!store.value) return;
    const all = new Map(store.value.records.map((each) => [each.path, each]));
    for (const edit of edits) {
      const path = isRecordPath(edit.path) ? edit.path : `${edit.path}/n${all.size}`;
      const before = all.get(path);
      const { version = 0, sharedWith = [] } = before ?? {};
      all.set(path, {
        path,
        kind: kindAt(path)?.path ?? "",
        value: edit.value,
        version: version + 1,
        source: source ?? before?.source ?? null,
        sharedWith,
      });
    }
    store.value = { ...store.value, records: [...all.values()] };
  };
  const drop = (paths: readonly string[]): void => {
    if (store.value) store.value = { ...store.value, records: store.value.records.filter((each) => !paths.includes(each.path)) };
  };
  const iso = (): string => new Date().toISOString();
  const asReadonly = <T>(value: T): ReadonlySignal<T> => signal(value);

  return {
    state,
    store,
    outline,
    online: asReadonly(prepared.online ?? true),
    away,
    locksAt: asReadonly(now + 9.5 * 60_000),
    support: asReadonly(prepared.support ?? "full"),
    begin: () => verb("begin", [], open),
    unlock: () => verb("unlock", [], open),
    lock: () => {
      calls.push(["lock"]);
      state.value = "locked";
      store.value = undefined;
    },
    signOut: () =>
      verb("signOut", [], () => {
        state.value = "signed-out";
        store.value = undefined;
        outline.value = [];
      }),
    refresh: () =>
      verb("refresh", [], () => {
        for (const [path, value] of Object.entries(prepared.elsewhere ?? {}))
          if (value === null && kindAt(path)?.many) drop([path]);
          else put([{ path, value }], null);
      }),
    request: (id) =>
      verb("request", [id], () => {
        const told = request(id, now, prepared.request ?? {}, view().connections);
        // What is in force is known to the open store alone.
        return {
          ...told,
          replaces: told.replaces && store.value === undefined ? null : told.replaces,
          ...(reopened ? { refusedUntil: null } : {}),
        };
      }),
    preview: (details, edits) => verb("preview", [details, edits], () => shared(details, edits)),
    approve: (approval: Approval) =>
      verb("approve", [approval], () => {
        const { amends } = prepared.request ?? {};
        if (amends !== undefined) {
          change(amends, { details: approval.details, expires: approval.details[0]?.expires ?? iso() });
          return { redirect: `${location.origin}/shop?code=1`, grant: amends };
        }
        const first = connections(now)[0] as ConnectionView;
        const made: ConnectionView = {
          ...first,
          grant: "new-grant",
          number: 43,
          details: approval.details,
          given: iso(),
          consents: [{ n: 1, at: iso() }],
          expires: approval.details[0]?.expires ?? iso(),
          reads: [],
        };
        if (store.value) store.value = { ...store.value, connections: [made, ...store.value.connections] };
        return { redirect: `${location.origin}/shop?code=1`, grant: "new-grant" };
      }),
    decline: (id) => verb("decline", [id], () => ({ redirect: `${location.origin}/shop?error=access_denied` })),
    save: (edit) => verb("save", [edit], () => put([edit], null)),
    remove: (path) => verb("remove", [path], () => drop([path])),
    saveAll: (changes, working) =>
      verb("saveAll", [changes], () => {
        const total = (changes.edits?.length ?? 0) + (changes.removals?.length ?? 0);
        put(changes.edits ?? [], null);
        drop(changes.removals ?? []);
        working?.onProgress?.({ done: total, total });
      }),
    bring: (batch, working) =>
      verb("bring", [batch], () => {
        const id = `m${batch.edits.length}`;
        put(batch.edits, id);
        const value = { at: iso(), file: batch.file, format: batch.format, count: batch.edits.length, state: "done", replaced: [] };
        put([{ path: `imports/${id}`, value }], null);
        working?.onProgress?.({ done: batch.edits.length, total: batch.edits.length });
        return id;
      }),
    takeBack: (id) =>
      verb("takeBack", [id], () => {
        const brought = (store.value?.records ?? []).filter((each) => each.source === id).map((each) => each.path);
        drop([...brought, `imports/${id}`]);
        return { removed: brought.length, changed: 0 };
      }),
    saveCard: (vendor, card) =>
      verb("saveCard", [vendor, card], () => {
        if (!store.value || !("relationship" in vendor)) return;
        store.value = {
          ...store.value,
          vendors: store.value.vendors.map((each) => (each.relationship === vendor.relationship ? { ...each, card } : each)),
        };
      }),
    exportSealed: () => verb("exportSealed", [], () => ({ file: new Blob(["sealed"]), groups: KIT.groups })),
    exportPlain: () =>
      verb("exportPlain", [], () => {
        const { created, records: all, vendors: shops, connections: grants } = store.value ?? view();
        return {
          made: iso(),
          created,
          records: all.flatMap(({ path, value }) => (value === null ? [] : [{ path, value }])),
          vendors: shops.map(({ grants: _, ...rest }) => rest),
          connections: grants.map((each) => ({ ...each, consent: "e30.e30.c2ln" })),
        };
      }),
    openExport: (file, code) =>
      verb("openExport", [file.length, code], () => {
        if (code.replaceAll(/[^A-Za-z2-7]/g, "").toUpperCase() !== KIT.groups.join(""))
          throw new VaultError("wrong_code", "As the test asked");
        return { made: iso(), count: 71, kinds: { "profile/emails": 2, purchases: 60 } };
      }),
    restore: (working) => verb("restore", [], () => working?.onProgress?.({ done: 71, total: 71 })),
    erase: (options) =>
      verb("erase", [options], () => {
        const at = new Date(now + (options.when === "now" ? 0 : 7 * 24 * HOUR)).toISOString();
        if (options.when === "now") {
          state.value = "signed-out";
          store.value = undefined;
          outline.value = [];
        } else if (store.value) store.value = { ...store.value, erasing: at };
        return { at };
      }),
    keep: () =>
      verb("keep", [], () => {
        if (store.value) store.value = { ...store.value, erasing: null };
      }),
    move: (to) =>
      verb("move", [to], () => {
        const until = new Date(now + 24 * HOUR).toISOString();
        if (store.value) store.value = { ...store.value, moving: { to, until } };
        return { link: `${to}/move#from=${encodeURIComponent(location.origin)}&code=${"k".repeat(43)}`, until };
      }),
    stay: () =>
      verb("stay", [], () => {
        if (store.value) store.value = { ...store.value, moving: null };
      }),
    arrive: (from, code) => verb("arrive", [from, code], () => ({ left: prepared.left ?? [] })),
    pause: (grant) => verb("pause", [grant], () => change(grant, { state: "paused", pausedAt: iso() })),
    resume: (...grants) =>
      verb("resume", grants, () => {
        for (const grant of grants) change(grant, { state: "active", pausedAt: null, putBack: false });
      }),
    goOn: () =>
      verb("goOn", [], () => {
        if (store.value?.restored) store.value = { ...store.value, restored: { ...store.value.restored, behind: null } };
      }),
    stop: (grant, options) =>
      verb("stop", [grant, options], () =>
        change(grant, { state: "revoked", endedAt: iso(), endedBy: "customer", askedDeletion: options.askDeletion, shared: [] }),
      ),
    pauseAll: () =>
      verb("pauseAll", [], () => {
        const running = outline.value.filter((each) => each.state === "active");
        for (const each of running) change(each.grant, { state: "paused", pausedAt: iso() });
        return { paused: running.length };
      }),
    pauseByLink: (fragment) => verb("pauseByLink", [fragment], () => ({ name: "Libreria Aldina" })),
    receipt: (grant) =>
      verb("receipt", [grant], (): Receipt => {
        const known = connections(now)[0] as ConnectionView;
        return {
          grant,
          consent: "e30.e30.c2ln",
          claims: {},
          client: known.client,
          pauseLink: `${location.origin}/pause#${grant}.c2VjcmV0`,
        };
      }),
    narrow: (grant, details) =>
      verb("narrow", [grant, details], () => {
        const known = store.value?.connections.find((each) => each.grant === grant);
        const deletion: DeletionView = {
          reason: "narrowed",
          state: known?.reads.length === 0 ? "nothing-read" : "waiting",
          since: iso(),
          by: known?.reads.length === 0 ? null : new Date(now + 7 * 24 * HOUR).toISOString(),
          told: null,
          at: null,
          did: [],
          remains: [],
          statement: null,
        };
        change(grant, {
          details,
          expires: details[0]?.expires ?? iso(),
          consents: [...(known?.consents ?? []), { n: (known?.consents.length ?? 0) + 1, at: iso() }],
          shared: (known?.shared ?? []).filter(({ path }) => details.some(({ paths }) => paths.some((wide) => covers(wide, path)))),
          deletion,
        });
      }),
    reopen: (id) =>
      verb("reopen", [id], () => {
        reopened = true;
      }),
    consentRecord: (grant) =>
      verb("consentRecord", [grant], () => ({
        record: { "@type": "ConsentRecord", grant },
        receipt: { "@type": "ConsentReceipt", grant },
      })),
    makeKit: (replacing) =>
      verb("makeKit", [replacing], () => {
        if (store.value?.kit.confirmed && replacing !== KIT.groups.join("-")) throw new VaultError("wrong_kit", "As the test asked");
        return KIT;
      }),
    confirmKit: (typed) =>
      verb("confirmKit", [typed], () => {
        if (typed[0].toUpperCase() !== "EFGH" || typed[1].toUpperCase() !== "YZ23")
          throw new VaultError("wrong_groups", "As the test asked");
        if (store.value) store.value = { ...store.value, kit: { ...store.value.kit, confirmed: true } };
      }),
    addPasskey: () =>
      verb("addPasskey", [], () => {
        const added = { ...(ways(now, true)[0] as WayView), id: "added", here: false };
        if (store.value) store.value = { ...store.value, ways: [...store.value.ways, added] };
      }),
    dropWay: (id) =>
      verb("dropWay", [id], () => {
        if (store.value) store.value = { ...store.value, ways: store.value.ways.filter((each) => each.id !== id) };
      }),
    recover: (code, headSeq) =>
      verb("recover", [code, headSeq], () => {
        open();
        return { ways: ways(now, true) };
      }),
    finishRecovery: (options) => verb("finishRecovery", [options], () => KIT),
  };
}
