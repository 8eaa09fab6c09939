/**
 * The operator's command line: copies of everything, and what is said of them. Run it built (`node dist/server/counterfoil.js`) or from its
 * source (`npx tsx server/operator.ts`), with the environment of the server.
 */
import { readConfig } from "./configuration/config.ts";
import { SettingsError } from "./configuration/setting.ts";
import { CopyError } from "./copies/copy-error.ts";
import { backup, type Desk, exportAll, importAll, restore, verify } from "./operator/copying.ts";
import { markMovedByHand, markRestoredByHand, status } from "./operator/marking.ts";
import { UsageError } from "./operator/usage.ts";
import { StorageError } from "./storage/storage.ts";

interface Command {
  readonly run: (args: readonly string[], desk: Desk) => Promise<void>;
  readonly usage: string;
}

const COPYING = `  --gzip            packs it, as does a FILE that ends with .gz
  --resume          goes on with FILE.part, which a copy that was cut has left
  --leave-damaged   leaves out stores that can't be read any more, and names them`;
const BRINGING = `  Checks all of FILE before it writes anything, and reads everything back at the end. Only into an empty storage; where it was cut, the
  same command goes on. No server may run on the storage meanwhile.
  --hash HASH       refuses any other copy than the one with this hash`;

const COMMANDS: Readonly<Record<string, Command>> = {
  backup: {
    run: backup,
    usage: `backup --to FILE [--gzip] [--resume] [--leave-damaged]
  Copies everything while the servers run: the embedded engine by asking the running server, PostgreSQL by reading it.
${COPYING}`,
  },
  restore: {
    run: restore,
    usage: `restore --from FILE [--hash HASH]
  Puts a backup back: every grant is paused until its customer resumes it, since nobody knows what was taken back after the backup.
${BRINGING}`,
  },
  export: {
    run: exportAll,
    usage: `export --to FILE [--gzip] [--resume] [--leave-damaged]
  Copies everything, to be imported elsewhere. Stop the servers first, and don't start them again: what changes afterwards is not in it.
${COPYING}`,
  },
  import: {
    run: importAll,
    usage: `import --from FILE [--hash HASH]
  Goes on with an exported deployment at another place, on either engine. Grants stay as they are.
${BRINGING}`,
  },
  verify: {
    run: verify,
    usage: `verify FILE [--hash HASH]
  Reads a copy to its end and checks every hash and count. Needs no storage.`,
  },
  status: {
    run: status,
    usage: `status [--read]
  What lies here, and whether it was restored. --read reads every store, to find damaged ones.`,
  },
  "mark-restored": {
    run: markRestoredByHand,
    usage: `mark-restored [--from TIME]
  Says that what lies here was put back by other means (a disk's snapshot, a file copy): every grant is paused. Stop the servers first.
  --from TIME       of when it is, as 2027-03-01T02:00:00Z`,
  },
  "mark-moved": {
    run: markMovedByHand,
    usage: `mark-moved
  Says that what lies here was brought whole to another database with the servers stopped (pg_upgrade, pg_dump): nothing was lost.`,
  },
};

const USAGE = `counterfoil COMMAND, with the server's own environment (server/configuration/README.md).

${Object.values(COMMANDS)
  .map(({ usage }) => usage)
  .join("\n\n")}

A copy is as secret as the server: its private keys are in it. What customers have sealed stays sealed.
Exit status: 0 done, 1 refused or failed, 2 wrongly called, 78 wrong settings.
`;

const FAILED = 1;
const WRONGLY_CALLED = 2;
const WRONG_SETTINGS = 78;

/** A sentence for what was refused or failed, and the status that goes with it. */
function ending(error: unknown): [text: string, status: number] {
  if (error instanceof UsageError) return [`${error.message}\nSee counterfoil --help`, WRONGLY_CALLED];
  if (error instanceof SettingsError) return [error.message, WRONG_SETTINGS];
  if (error instanceof CopyError || error instanceof StorageError) return [error.message, FAILED];
  const { code, path } = error as NodeJS.ErrnoException;
  if (code !== undefined) return [`${path ?? "the file"}: ${code}`, FAILED];
  throw error;
}

const [name = "", ...args] = process.argv.slice(2);
const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
const desk: Desk = {
  say: (line) => void process.stdout.write(`${line}\n`),
  place: () => readConfig(process.env).storage,
};
try {
  if (["--help", "-h", "help"].includes(name)) process.stdout.write(USAGE);
  else if (command === undefined) throw new UsageError(`expected one of ${Object.keys(COMMANDS).join(", ")}`);
  else if (args.includes("--help")) desk.say(`counterfoil ${command.usage}`);
  else await command.run(args, desk);
} catch (error) {
  const [text, status] = ending(error);
  process.stderr.write(`counterfoil: ${text}\n`);
  process.exitCode = status;
}
