/** What the shop writes or calls about, by the purpose that was granted. */
const ABOUT = /** @type {Record<string, string>} */ ({ "customer-management": "books set aside", recommendations: "books to suggest" });
const CHANNELS = /** @type {const} */ ({ email: "E-mail", sms: "Text message", phone: "Phone", post: "Letter" });

const TIME = new Intl.DateTimeFormat("en-GB", {
  weekday: "short",
  day: "numeric",
  month: "short",
  hour: "2-digit",
  minute: "2-digit",
  timeZone: "UTC",
});

/**
 * How a customer may be reached now, by their own rules. The card's columns say by which channels at all, `mayContact` whether at this
 * moment.
 * @param {import("@counterfoil/vendor-sdk").Vendor} vendor @param {string} grant @param {import("./customers.js").Card | undefined} card
 * @returns {Promise<import("./pages.js").Reach[]>}
 */
export async function reachesOf(vendor, grant, card) {
  const reaches = [];
  for (const [channel, name] of Object.entries(CHANNELS)) {
    if (!String(card?.values[`contact.${channel}`] ?? "no").startsWith("yes")) continue;
    const answers = await Promise.all(
      Object.entries(ABOUT).map(async ([purpose, about]) => ({
        about,
        ...(await vendor.mayContact(grant, /** @type {keyof typeof CHANNELS} */ (channel), purpose)),
      })),
    );
    const open = answers.filter(({ allowed, next }) => allowed || next !== undefined);
    if (open.length === 0) continue;
    const next = open.every(({ allowed }) => !allowed) ? open[0]?.next : undefined;
    const later = next === undefined ? "" : `; not now (again from ${TIME.format(next)} UTC)`;
    const verb = channel === "phone" ? "call" : "write";
    reaches.push({ channel: name, text: `may ${verb} about ${open.map(({ about }) => about).join(" and ")}${later}` });
  }
  return reaches;
}
