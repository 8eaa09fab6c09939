import { parseArgs } from "node:util";

/** A command that was called wrongly. The message says what was expected. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

type Kind = "string" | "boolean";
type Read<Options extends Record<string, Kind>> = { [Name in keyof Options]?: Options[Name] extends "string" ? string : boolean };

/** @throws {UsageError} on an option that there is not, one without its value, or something besides */
export function readOptions<Options extends Record<string, Kind>>(args: readonly string[], options: Options): Read<Options> {
  try {
    return parseArgs({
      args: bound(args, options),
      options: Object.fromEntries(Object.entries(options).map(([name, type]) => [name, { type }])),
      allowPositionals: false,
      strict: true,
    }).values as Read<Options>;
  } catch (error) {
    throw new UsageError((error as Error).message.split(". ")[0]);
  }
}

/** One hash in 64 begins with a dash: a value is bound to its option, or else it would look like one. */
function bound(args: readonly string[], options: Record<string, Kind>): string[] {
  const all: string[] = [];
  for (let at = 0; at < args.length; at++) {
    const [arg = "", next = ""] = args.slice(at, at + 2);
    const isValue = /^-[^-]/.test(next) && arg.startsWith("--") && options[arg.slice(2)] === "string";
    all.push(isValue ? `${arg}=${next}` : arg);
    if (isValue) at++;
  }
  return all;
}

/** @throws {UsageError} */
export function needed(value: string | undefined, name: string): string {
  if (value === undefined || value === "") throw new UsageError(`--${name} is missing`);
  return value;
}
