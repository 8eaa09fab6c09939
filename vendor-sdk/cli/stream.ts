import { parseArgs } from "node:util";
import { COMMON, required, UsageError, vendorOf } from "./options.ts";

const text = { type: "string" } as const;

/** The stream of events: shown, made, changed, ended. */
export async function stream(args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({ args, options: { ...COMMON, endpoint: text }, allowPositionals: true });
  const { stream } = await vendorOf(values);
  const [action = "status"] = positionals;
  if (action === "push") await stream.ensure({ endpoint: required(values, "endpoint") });
  else if (action === "poll") await stream.ensure({ poll: true });
  else if (action === "remove") await stream.remove();
  else if (action !== "status") throw new UsageError("stream: expected status, push, poll or remove");
  const now = await stream.status();
  if (now === undefined) console.log("no stream");
  else console.log(`${now.stream_id} is ${now.status}${now.reason === undefined ? "" : `: ${now.reason}`}`);
}
