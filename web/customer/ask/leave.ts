/** Goes on to the shop's own address, and nowhere else than to a page. */
export function leave(redirect: string): void {
  const { protocol } = new URL(redirect);
  if (protocol !== "https:" && protocol !== "http:") throw new TypeError("a redirect leads to a page");
  location.assign(redirect);
}
