/** Where in what was read something stands. */
export interface Place {
  readonly file: string;
  /** From 1, as a text editor counts. JSON has none: there `cell` is the way to the value. */
  readonly line?: number;
  /** A column's name in the file's own words, a property's, or a way through JSON. */
  readonly cell?: string;
}

/** Why one line or one detail of it is left out, or what has to be known of it. */
export type FaultCode =
  | "cells"
  | "torn-quote"
  | "torn-card"
  | "bad-line"
  | "broken-text"
  | "missing"
  | "date"
  | "date-future"
  | "date-old"
  | "no-year"
  | "amount"
  | "too-large"
  | "quantity"
  | "phone"
  | "email"
  | "no-country"
  | "no-town"
  | "no-currency"
  | "too-long"
  | "unknown-kind"
  | "invalid";

export interface Fault {
  readonly place: Place;
  readonly code: FaultCode;
  /** What was expected, as a number: cells, characters. */
  readonly expected?: number;
  readonly got?: number;
}
