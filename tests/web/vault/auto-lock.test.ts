import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { type AutoLock, autoLock } from "../../../web/vault/auto-lock.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;

let page: EventTarget;
let screen: EventTarget & { visibilityState: "visible" | "hidden" };
let locks: number;
let auto: AutoLock;

beforeEach(() => {
  vi.useFakeTimers({ now: Date.parse("2026-11-21T10:00:00Z") });
  page = new EventTarget();
  screen = Object.assign(new EventTarget(), { visibilityState: "visible" as const });
  vi.stubGlobal("addEventListener", page.addEventListener.bind(page));
  vi.stubGlobal("removeEventListener", page.removeEventListener.bind(page));
  vi.stubGlobal("document", screen);
  locks = 0;
  auto = autoLock(() => {
    locks += 1;
    auto.stop();
  });
  auto.start();
});
afterEach(() => {
  auto.stop();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

const pass = (milliseconds: number): void => {
  vi.advanceTimersByTime(milliseconds);
};
/** Time goes on while no timer runs, as in a computer that sleeps. */
const sleep = (milliseconds: number): void => {
  vi.setSystemTime(Date.now() + milliseconds);
};
const sign = (type = "keydown"): boolean => page.dispatchEvent(new Event(type));
const look = (state: "visible" | "hidden"): void => {
  screen.visibilityState = state;
  screen.dispatchEvent(new Event("visibilitychange"));
};

it("locks ten minutes after the last sign of its person, not before, and says when", () => {
  expect(auto.locksAt.value).toBe(Date.now() + 10 * MINUTE);
  pass(10 * MINUTE - SECOND);
  expect(locks).toBe(0);
  pass(2 * SECOND);
  expect(locks).toBe(1);
  expect(auto.locksAt.value).toBeUndefined();
});

it.each(["pointerdown", "keydown", "wheel", "touchstart"])("stays open for ten more minutes after a %s", (type) => {
  pass(9 * MINUTE);
  sign(type);
  expect(auto.locksAt.value).toBe(Date.now() + 10 * MINUTE);
  pass(10 * MINUTE - SECOND);
  expect(locks).toBe(0);
  pass(2 * SECOND);
  expect(locks).toBe(1);
});

it("stays open as long as someone is there", () => {
  for (let minute = 0; minute < 60; minute++) {
    pass(MINUTE);
    sign("wheel");
  }
  expect(locks).toBe(0);
});

it("locks after five minutes out of sight, whatever happens there", () => {
  look("hidden");
  for (let minute = 0; minute < 4; minute++) {
    pass(MINUTE);
    sign();
  }
  expect(locks).toBe(0);
  pass(MINUTE + SECOND);
  expect(locks).toBe(1);
});

it("counts each time out of sight anew", () => {
  for (let time = 0; time < 3; time++) {
    look("hidden");
    pass(4 * MINUTE);
    look("visible");
    sign();
    expect(locks).toBe(0);
  }
  pass(10 * MINUTE + SECOND);
  expect(locks).toBe(1);
});

it("locks a page that was kept in the back of the browser for five minutes", () => {
  page.dispatchEvent(new Event("pagehide"));
  sleep(5 * MINUTE);
  page.dispatchEvent(new Event("pageshow"));
  expect(locks).toBe(1);
});

it("locks at the first sign after a sleep in which no timer ran, and does not count that sign", () => {
  sleep(11 * MINUTE);
  sign("pointerdown");
  expect(locks).toBe(1);
});

it("locks as soon as it is seen again after a sleep out of sight", () => {
  look("hidden");
  sleep(6 * MINUTE);
  look("visible");
  expect(locks).toBe(1);
});

it("stopped, it never locks; started again, it begins anew", () => {
  pass(9 * MINUTE);
  auto.stop();
  expect(auto.locksAt.value).toBeUndefined();
  sign();
  look("hidden");
  pass(60 * MINUTE);
  expect(locks).toBe(0);
  look("visible");
  auto.start();
  pass(10 * MINUTE - SECOND);
  expect(locks).toBe(0);
  pass(2 * SECOND);
  expect(locks).toBe(1);
});
