import type * as v from "valibot";
import type { Filter } from "./authorization-details.ts";

/**
 * A kind of personal data. A new one is one entry of a list in data/: the registry (categories.ts), the forms, the views, sharing and
 * the exports are made from it. Tests then ask for two things more: its words in each language's catalogue (web/locales), under its path
 * and its members' names, and its page (web/customer/data-classes.ts). Optional: terms of others for its members
 * (web/leaving/vocabulary.ts), and by what an import knows that it is there already (web/imports/duplicates.ts).
 */
export interface Kind {
  /** `category/name`, without an id: where records of this kind lie. */
  readonly path: string;
  /** A single value at `path`, or a collection of values at `path/<id>`. */
  readonly many: boolean;
  /** Shape of the value. JSON; vocabulary of the named standard. */
  readonly schema: v.GenericSchema;
  readonly sensitivity: "ordinary" | "private" | "special";
  /** Term of the Data Privacy Vocabulary's extension for personal data, https://w3id.org/dpv/pd#. */
  readonly dpv: string;
  readonly shareable: boolean;
  /**
   * Lesser forms of one value, from the one that says most to the one that says least. Each can be made from the one before, but for
   * `over-18`, whose day the year leaves open.
   */
  readonly forms: readonly Form[];
  /** Lesser forms of a whole collection, one value for all its records. None can be made from another one, or from a record's form. */
  readonly digests: readonly Digest[];
  /** Members of the value that are the customer's alone and never leave, in no form. */
  readonly withheld: readonly string[];
  /** Puts into the value the names that records have toward a vendor, for a kind whose value names some. */
  readonly renamed: ((value: never, nameOf: NameOf) => unknown) | undefined;
  /** Whether a consent's filter lets this value through. Kinds that a filter can't be asked about have none: there it says nothing. */
  readonly passes: ((value: never, filter: Filter) => boolean) | undefined;
  /** What of a value is shown in a list: a line of text. */
  readonly line: (value: never) => string;
}

/** The name that the record at a path has toward a vendor (section 2); undefined if that vendor has no such record. */
export type NameOf = (path: string) => string | undefined;

/** A lesser form of a kind's value. `name` stands after the colon of a path. */
export interface Form {
  readonly name: string;
  /** The lesser value; null if the value doesn't hold what the form needs. Pure. */
  readonly of: (value: never, now: Date) => unknown;
}

/** A lesser form of a collection: `purchases:tastes`. */
export interface Digest {
  readonly name: string;
  /** Made of all values that a consent's filter lets through; null if they say nothing. Pure, and the same whatever their order. */
  readonly of: (values: readonly never[], now: Date) => unknown;
}

/** An entry of the registry, its functions typed by its schema. */
export const kind = <S extends v.GenericSchema>(
  path: string,
  schema: S,
  rest: {
    many?: boolean;
    sensitivity?: Kind["sensitivity"];
    dpv: string;
    shareable?: boolean;
    forms?: ReadonlyArray<{ name: string; of: (value: v.InferOutput<S>, now: Date) => unknown }>;
    digests?: ReadonlyArray<{ name: string; of: (values: ReadonlyArray<v.InferOutput<S>>, now: Date) => unknown }>;
    withheld?: ReadonlyArray<string & keyof v.InferOutput<S>>;
    renamed?: (value: v.InferOutput<S>, nameOf: NameOf) => v.InferOutput<S>;
    passes?: (value: v.InferOutput<S>, filter: Filter) => boolean;
    line: (value: v.InferOutput<S>) => string;
  },
): Kind => ({
  many: false,
  sensitivity: "ordinary",
  shareable: true,
  forms: [],
  digests: [],
  withheld: [],
  renamed: undefined,
  passes: undefined,
  ...rest,
  path,
  schema,
});
