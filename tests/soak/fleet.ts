import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { freePort } from "../support/free-port.ts";
import { type RunningProcess, startProcess } from "../support/process.ts";
import { TcpBalancer } from "./tcp-balancer.ts";

const root = join(import.meta.dirname, "..", "..");

/** One of the server's processes. */
interface Member {
  readonly port: number;
  process: RunningProcess;
  /** Resident memory over time, in MB, since it started. */
  memory: number[];
}

/** Some processes of the built server over one place, behind a balancer. */
export class Fleet implements AsyncDisposable {
  readonly issuer: string;
  readonly balancer: TcpBalancer;
  readonly members: Member[] = [];
  /** Kills while a change was on its way at the process, and all. */
  readonly kills = { inWrites: 0, all: 0 };
  /** For each process that has lived for long: first and last memory, in MB. */
  readonly #memories: Array<readonly [first: number, last: number]> = [];
  /** What they have written that is no line of their log. */
  readonly oddities: string[] = [];
  readonly #env: Record<string, string>;
  readonly #sampling: NodeJS.Timeout;

  private constructor(balancer: TcpBalancer, env: Record<string, string>) {
    this.balancer = balancer;
    this.issuer = `http://localhost:${balancer.port}`;
    this.#env = env;
    this.#sampling = setInterval(() => void this.#sample(), 5_000);
  }

  static async start(count: number, env: Record<string, string>): Promise<Fleet> {
    const fleet = new Fleet(await TcpBalancer.start(), env);
    for (let at = 0; at < count; at++) {
      const port = await freePort();
      fleet.members.push({ port, process: await fleet.#launch(port), memory: [] });
      fleet.balancer.add(port);
    }
    return fleet;
  }

  /** Of those that are gone and those that live. */
  get memories(): ReadonlyArray<readonly [first: number, last: number]> {
    return [...this.#memories, ...this.members.flatMap(({ memory }) => grownIn(memory))];
  }

  /** Kills one without warning while a change is on its way there, if one comes soon, and starts another in its place. */
  async kill(): Promise<void> {
    const member = this.#mortal();
    const patience = performance.now() + 200;
    while (this.balancer.writesAt(member.port) === 0 && performance.now() < patience) await new Promise((resolve) => setImmediate(resolve));
    if (this.balancer.writesAt(member.port) > 0) this.kills.inWrites++;
    await this.killNow(member);
  }

  async killNow(member: Member): Promise<void> {
    this.kills.all++;
    await member.process.kill();
    await this.#replace(member);
  }

  /** Stops one as an operator does, and starts it again. */
  async restart(): Promise<void> {
    const member = this.#mortal();
    await member.process.stop();
    await this.#replace(member);
  }

  /** Of several the first is spared, whose memory tells of all the time. */
  #mortal(): Member {
    const from = this.members.length > 1 ? 1 : 0;
    return this.members[from + Math.floor(Math.random() * (this.members.length - from))] as Member;
  }

  async #replace(member: Member): Promise<void> {
    this.balancer.mark(member.port, false);
    this.#keep(member);
    member.memory = [];
    for (let tries = 0; ; tries++)
      try {
        member.process = await this.#launch(member.port);
        break;
      } catch (error) {
        // The database may be down just now.
        if (tries === 30) throw error;
        await new Promise((resolve) => setTimeout(resolve, 1_000));
      }
    this.balancer.mark(member.port, true);
  }

  #launch(port: number): Promise<RunningProcess> {
    return startProcess(process.execPath, [join(root, "dist", "server", "main.js")], {
      env: {
        COUNTERFOIL_ISSUER: this.issuer,
        COUNTERFOIL_PORT: String(port),
        COUNTERFOIL_HOST: "localhost",
        COUNTERFOIL_WEB: join(root, "dist", "web", "customer"),
        COUNTERFOIL_PULLS_PER_MINUTE: "1000000",
        COUNTERFOIL_REPEATS_PER_READ: "1000000",
        COUNTERFOIL_TOKENS_PER_MINUTE: "1000000",
        COUNTERFOIL_PROXIES: "1",
        COUNTERFOIL_LOG_LEVEL: "warn",
        ...this.#env,
      },
      ready: { url: `http://localhost:${port}/ready` },
      timeout: 30_000,
    });
  }

  async #sample(): Promise<void> {
    for (const member of this.members)
      try {
        const line = /VmRSS:\s+(\d+) kB/.exec(await readFile(`/proc/${member.process.pid}/status`, "latin1"));
        if (line?.[1] !== undefined) member.memory.push(Number(line[1]) / 1024);
      } catch {
        // It has just been killed.
      }
  }

  #keep({ memory, process }: Member): void {
    this.#memories.push(...grownIn(memory));
    for (const line of process.output().split("\n"))
      if (line !== "" && !line.startsWith("{") && !/listen/.test(line)) this.oddities.push(line);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#sampling);
    for (const member of this.members) {
      this.#keep(member);
      await member.process.stop();
    }
    await this.balancer[Symbol.asyncDispose]();
  }
}

/** The first minute fills caches. */
const grownIn = (memory: readonly number[]): Array<readonly [first: number, last: number]> =>
  memory.length > 18 ? [[memory[12] as number, memory.at(-1) as number]] : [];
