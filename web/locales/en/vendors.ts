import { plural } from "../plural.ts";

const n = plural("en");

export const vendors = {
  vendors: {
    title: "Who has what",
    lead: (count: number) => n(count, { one: "# shop can read something", other: "# shops can read something" }),
    leadNone: "No shop can read anything now",
    emptyNote: "When you share something, each shop stands here with what it may read, when it last did, and until when.",
    table: "Shops and what each can read",
    shop: "Shop",
    total: "Can read it now",
    totals: (count: number) => n(count, { zero: "no shop", one: "# shop", other: "# shops" }),
    readers: (count: number) =>
      n(count, { zero: "No shop can read it now", one: "# shop can read it now", other: "# shops can read it now" }),
    nothing: "nothing",
    nothingYet: (form: string) => `${form} · nothing there yet`,
    whole: "in full",
    values: (count: number) => n(count, { one: "# value", other: "# values" }),
    only: (what: string) => `only ${what}`,
    readOn: (when: string) => `last read ${when}`,
    neverRead: "never read",
    ends: (date: string) => `until ${date}`,
    paused: "paused",
    switch: "Show by",
    by: { shop: "by shop", data: "by kind of data" },
    moreShops: (count: number) => n(count, { one: "Show # more shop", other: "Show # more shops" }),

    endedTitle: (count: number) =>
      n(count, { one: "# ended: what it has read stays with it", other: "# ended: what they have read stays with them" }),
    endedNote: "Stopping can't fetch back what was read before. Where you asked for it, the shop has to delete its copy.",
    hadRead: (what: string, date: string) => `Has read: ${what}; last on ${date}`,
    hadReadNothing: "Never read anything",
    askedDeletion: "You asked it to delete what it has read.",

    blockedTitle: "Blocked",
    blockedNote: "A blocked shop can ask you for nothing.",
    othersTitle: "Shops that have nothing",
    stillReads: "It still reads what you share with it.",

    card: "Your card of this shop",
    cardNote: "Only you see this. No shop ever reads it.",
    view: "How you see it",
    viewNote: "Only “blocked” changes what a shop can do. The rest is for your own order.",
    means: {
      friend: "You like to hear from it.",
      regular: "You buy there often.",
      occasional: "You drop in now and then.",
      distant: "You would rather it kept away.",
      blocked: "It can ask you for nothing.",
    },
    notSaid: "Not said",
    customerNumber: "Customer number",
    notes: "Notes",
    nothingWritten: "Nothing written yet.",
    change: "Change the card",
    save: "Save",
    saving: "Saving…",
    offline: "Can’t save: you are offline",
    saved: "Saved.",
    undo: "Undo",
    undone: "It is as it was.",
    tooLong: (most: number) => `At most ${most} characters.`,

    reach: "How this shop may reach you",
    reachNote:
      "What you answer here counts for this shop instead of your general rules. It learns of it only if it may read how to reach you.",
    reachUsual: "By your general rules.",
    reachRest: "All else: by your general rules",
    reachChange: "Set it for this shop",
    reachReset: "Use my general rules again",

    block: "Block",
    blockName: (name: string) => `Block ${name}`,
    unblock: "Unblock",
    unblockName: (name: string) => `Unblock ${name}`,
    blocked: (name: string) => `You have blocked ${name}. It can ask you for nothing.`,
    blockedReads: "It goes on reading what you share until you stop it.",
    blockedDone: (name: string) => `${name} is blocked.`,
    unblockedDone: (name: string) => `${name} is no longer blocked.`,
    blockQuestion: (name: string) => `Block ${name}?`,
    blockText: (name: string, count: number) =>
      `${name} can then ask you for nothing. Blocking alone doesn't end what it reads: ${n(count, {
        one: "your connection goes on until you stop it.",
        other: "your # connections go on until you stop them.",
      })}`,
    blockKeep: "Don’t block",
    blockAndStop: "Block and stop",
    blockLeave: "Leave it so",
    blockStopNow: "Stop it now",
    blockOnly: "Block only; it goes on reading",
    blockAskDeletion: "Also ask it to delete what it has read",
    blockHandshake: (count: number) =>
      n(count, {
        one: "Reading stops at once. Then your passkey signs the stop.",
        other: "Reading stops at once. Then your passkey signs each of the # stops.",
      }),
    blockedAndStopped: (name: string) => `${name} is blocked, and reads nothing more.`,
    blockHalfDone: "It is blocked, and paused: it can read nothing. Your passkey still has to sign the stop.",
  },
};
