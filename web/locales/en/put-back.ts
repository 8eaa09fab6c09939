import { plural } from "../plural.ts";

const n = plural("en");

export const putBack = {
  putBack: {
    title: "This server was put back",
    lead: (from: string) => `It was put back from a copy of ${from}. What was saved or changed after that may not be here.`,
    leadUnknown: "It was put back from an earlier copy. What was saved or changed after that may not be here.",
    safe: "To be safe, all your sharing was paused.",
    missing: "What is missing",
    behind: (from: string) => `This browser has seen changes that you made after ${from}. They are not on this server.`,
    behindUnknown: "This browser has seen newer changes of yours. They are not on this server.",
    held: "What was open in this browser is saved again when you go on.",
    notHeld: "After that, look through My data and enter again what is missing.",
    ways: "A passkey or device that you removed since then may open your store again. Look under Safety.",
    stopped: "Shops that you stopped in this browser stay stopped.",
    doubt: "Nothing is saved or shared before you go on. If you doubt it, ask whoever runs this server first.",
    goOn: "Go on from here",
    wentOn: "Your store goes on from here.",
    offlineGoOn: "You are offline: go on later",
    paused: "Who may read again?",
    pausedLead:
      "Nothing is ticked for you. If you stopped or changed a shop on another device since then, this server doesn't know of it: leave that shop paused, or look at it first.",
    shops: "Paused shops",
    all: (count: number) => `Tick all ${count}`,
    changeLost: "You changed what it may read. That change is lost.",
    look: (name: string) => `Look at ${name}`,
    resume: (count: number) => n(count, { one: "Let # shop read again", other: "Let # shops read again" }),
    choose: "Tick who may read again",
    offline: "You are offline: let them read later",
    later: "The others stay paused. You find them here and under Connections whenever you like.",
    resumed: (count: number) => n(count, { one: "# shop can read again.", other: "# shops can read again." }),
    nothing: "No shop is paused because of it.",
    back: "See my connections",
  },
};
