/** A book's number with a right check digit: ISBN-10 (which Amazon uses as its own number of a printed book) or ISBN-13. */
export function isBookNumber(code: string): boolean {
  const plain = code.replace(/[- ]/g, "").toUpperCase();
  if (/^\d{9}[\dX]$/.test(plain))
    return [...plain].reduce((sum, sign, at) => sum + (sign === "X" ? 10 : Number(sign)) * (10 - at), 0) % 11 === 0;
  return /^97[89]\d{10}$/.test(plain) && [...plain].reduce((sum, sign, at) => sum + Number(sign) * (at % 2 === 0 ? 1 : 3), 0) % 10 === 0;
}
