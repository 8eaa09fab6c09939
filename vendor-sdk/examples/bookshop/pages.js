import { html } from "./html.js";

/** @typedef {ReturnType<typeof html>} Markup @typedef {import("@counterfoil/vendor-sdk").Grant} Grant @typedef {import("./customers.js").Drawer} Drawer */

/** @typedef {{ channel: string, text: string }} Reach how one customer may be reached now */

const WORDS = /** @type {Record<string, string>} */ ({
  name: "Name",
  email: "E-mail",
  address: "Address",
  phone: "Phone",
  tastes: "Tastes",
  interests: "Likes and dislikes",
  books: "Books",
});
const PATHS = /** @type {Record<string, string>} */ ({
  "profile/name": "name",
  "profile/emails": "e-mail",
  "profile/addresses": "address",
  "profile/phones": "phone",
  "preferences/contact": "contact rules",
  "preferences/tastes": "what they like",
  purchases: "books bought",
});
const FORMS = /** @type {Record<string, string>} */ ({
  given: "only the first name",
  tastes: "only how many",
  shops: "only the shops",
});

const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });

/** @param {string | undefined} instant */
const day = (instant) => (instant === undefined ? "" : html`<time datetime="${instant}">${DAY.format(new Date(instant))}</time>`);
/** @param {string | undefined} instant */
const minute = (instant) =>
  instant === undefined ? "not yet" : html`<time datetime="${instant}">${instant.slice(0, 16).replace("T", " ")} UTC</time>`;

/** @param {string} path */
function words(path) {
  const [base = "", form] = path.split(":");
  const whole = PATHS[base];
  const of = whole ?? PATHS[base.slice(0, base.lastIndexOf("/"))] ?? base;
  return `${of}${whole === undefined ? " (one)" : ""}${form === undefined ? "" : `, ${FORMS[form] ?? `only the ${form}`}`}`;
}

/** @param {string} title @param {Markup} main @param {string} here */
const page = (title, main, here) => html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} · Libreria Aldina</title>
<link rel="stylesheet" href="/style.css">
</head>
<body>
<a class="skip" href="#main">Skip to content</a>
<header>
<p class="sign"><a href="/">Libreria Aldina</a></p>
<nav aria-label="Shop"><a href="/"${here === "/" ? html` aria-current="page"` : ""}>Shop</a> <a href="/crm"${here === "/crm" ? html` aria-current="page"` : ""}>Customers</a></nav>
</header>
<main id="main">${main}</main>
<footer><p>A sample shop. It sells nothing and sends nothing.</p></footer>
</body>
</html>`;

const BOOKS = [
  { title: "The Book of Tea", author: "Kakuzō Okakura", price: "€ 9" },
  { title: "Invisible Cities", author: "Italo Calvino", price: "€ 12" },
  { title: "The Printer of Venice", author: "second-hand, one copy", price: "€ 18" },
];

/** @param {{ title: string, author: string, price: string }} book */
const shelf = ({ title, author, price }) => html`<li><h3>${title}</h3><p>${author}</p><p class="price">${price}</p></li>`;

export const home = () =>
  page(
    "Books, new and second-hand",
    html`<h1>Books, new and second-hand</h1>
<section class="card" aria-labelledby="join">
<h2 id="join">Become a regular</h2>
<p>We keep a card for each of our regulars, so that we can set books aside and tell you when they are in.</p>
<p>If you like, tell us which books you have at home: then we suggest others. Gifts stay your secret.</p>
<p>You don't have to fill in a form. If you have a Counterfoil, or want one, you choose there what we may see and for how long, and you can stop whenever you like.</p>
<form method="post" action="/ask"><button>Use my Counterfoil</button></form>
<p class="small">Rather not? Nothing changes: you type your address when you order.</p>
</section>
<section aria-labelledby="shelf">
<h2 id="shelf">On the table today</h2>
<ul class="shelf">${BOOKS.map(shelf)}</ul>
</section>`,
    "/",
  );

/** @param {import("./customers.js").Card | undefined} card @param {readonly Reach[]} reaches @param {string} contact heading of the contact rules */
function values(card, reaches, contact) {
  const held = card?.values ?? {};
  const shown = Object.keys(WORDS).filter((column) => column in held);
  if (shown.length === 0 && reaches.length === 0) return html`<p>Nothing has arrived yet.</p>`;
  const ways =
    reaches.length === 0
      ? "not at all"
      : html`<ul class="plain">${reaches.map(({ channel, text }) => html`<li>${channel}: ${text}</li>`)}</ul>`;
  return html`<dl>${shown.map((column) => html`<div><dt>${WORDS[column]}</dt><dd>${held[column]}</dd></div>`)}<div><dt>${contact}</dt><dd>${ways}</dd></div></dl>`;
}

/**
 * @param {{ grant: Grant, card: import("./customers.js").Card | undefined, reaches: readonly Reach[], server: string, more: boolean, invoices: readonly import("./customers.js").Invoice[] }} regular
 * `more`: a phone number could be asked for
 */
export const welcome = ({ grant, card, reaches, server, more, invoices }) => {
  if (card === undefined && grant.state !== "active")
    return notice("Your card is erased", "We can read nothing of you any more. You type your address when you order.");
  return page(
    "Thank you",
    html`<h1>Thank you. This is your card.</h1>
<section class="card" aria-label="Your card">${values(card, reaches, "How we may reach you")}
<p>${grant.state === "active" ? html`We may read this until ${day(grant.expires)}.` : `You have ${grant.state === "paused" ? "paused" : "ended"} this: we can read nothing new.`}</p></section>
${
  more
    ? html`<form method="post" action="/more"><button>Add my phone number</button> <span class="small">You see in your Counterfoil what would change.</span></form>`
    : ""
}
${
  card === undefined
    ? ""
    : html`<form method="post" action="/order"><button>Order ${BOOKS[0]?.title}</button> <span class="small">We keep the invoice for ten years, as the law demands.</span></form>`
}
${invoices.length === 0 ? "" : html`<ul class="plain">${invoices.map(({ number, book }) => html`<li>Ordered: ${book}, invoice ${number}</li>`)}</ul>`}
<p>What you change in your Counterfoil changes here by itself. You can stop at any time <a href="${server}/">in your Counterfoil</a>; then we erase this card.</p>
<p><a href="/">Back to the shop</a></p>`,
    "",
  );
};

/** @param {string} title @param {string} text @param {Markup} back */
export const notice = (title, text, back = html`<a href="/">Back to the shop</a>`) =>
  page(title, html`<h1>${title}</h1><p>${text}</p><p>${back}</p>`, "");

/** A no to more holds for thirty days, and the shop is told so before it could ask. */
export const heldToNo = () =>
  notice(
    "You said no to this not long ago",
    "Nothing changes: what you share with us stays as it is. Your Counterfoil holds us to your no for thirty days.",
    html`<a href="/welcome">Back to your card</a>`,
  );

const REASONS = /** @type {Record<string, string>} */ ({
  revoked: "stopped on",
  declined: "stopped on",
  expired: "ended on",
  retention: "not kept longer than agreed, on",
});
const WHY = /** @type {Record<string, string>} */ ({
  "legal-duty": "the law demands it",
  "open-order": "the order is open",
  claim: "a claim is open",
  backup: "it is in a backup",
  technical: "it can't be erased",
});
const STATES = /** @type {Record<string, string>} */ ({
  active: "active",
  paused: "paused by the customer",
  revoked: "stopped",
  declined: "stopped",
  expired: "ended",
});

/** What the shop has told its customer of an erasure. @param {Grant} grant */
const told = ({ attested }) =>
  attested === undefined
    ? ""
    : html`<p class="small">${attested.reason === "narrowed" ? "What is no longer shared" : "The card"} was deleted on ${minute(attested.at)}, and the customer ${
        attested.received === undefined ? "will be told" : "was told"
      } so.${attested.remains.map(
        ({ what, why, until }) => html` Kept: ${what}, since ${WHY[why] ?? why}${until === null ? "" : html`, until ${day(until)}`}.`,
      )}</p>`;

/** @param {Grant} grant @param {Drawer} drawer @param {readonly Reach[]} reaches */
function row(grant, drawer, reaches) {
  const card = drawer.cards.find(({ key }) => key === grant.key);
  const stub = drawer.stubs.find(({ key }) => key === grant.key);
  const granted = [...new Set(grant.details.flatMap(({ paths }) => paths))].map(words).join("; ");
  const state =
    stub === undefined
      ? STATES[grant.state]
      : html`erased, ${grant.endedBy === "vendor" ? "given up on" : (REASONS[stub.reason] ?? "ended on")} ${day(stub.at)}`;
  return html`<li class="card${stub === undefined ? "" : " ended"}">
<h2>Customer ${grant.key.slice(1, 7)}</h2>
<p class="state">${state}</p>
${stub === undefined ? values(card, reaches, "How to reach them") : ""}
<p class="small">${stub === undefined ? html`Granted: ${granted}. Until ${day(grant.expires)}. ` : ""}Last read ${minute(grant.lastRead)}.</p>
${told(grant)}${
  grant.state === "active" || grant.state === "paused"
    ? html`<form method="post" action="/release"><input type="hidden" name="grant" value="${grant.id}"><button class="quiet">Give up this customer</button></form>`
    : ""
}
</li>`;
}

/** @param {Grant[]} grants @param {Drawer} drawer @param {Map<string, Reach[]>} reaches by grant @param {{ at: string | undefined, failed: string[] }} last */
export const crm = (grants, drawer, reaches, last) =>
  page(
    "Customers",
    html`<h1>Customers</h1>
<p>What the shop's own customer list holds. In a real shop this page is behind the staff's login.</p>
<form method="post" action="/sync"><button>Sync now</button> <span class="small">Last sync ${minute(last.at)}${last.failed.length === 0 ? "" : `. Failed: ${last.failed.join(", ")}`}</span></form>
${grants.length === 0 ? html`<p>No customers yet.</p>` : html`<ul class="cards">${[...grants].reverse().map((grant) => row(grant, drawer, reaches.get(grant.id) ?? []))}</ul>`}`,
    "/crm",
  );
