import { connect, type Socket } from "node:net";
import { performance } from "node:perf_hooks";

/** What one pass of load saw. Times in milliseconds, CPU in microseconds a request. */
export interface Pass {
  requests: number;
  perSecond: number;
  p50: number;
  p99: number;
  cpu: number;
  refused: number;
}

export interface Target {
  port: number;
  pid: number;
  /** Whole requests as bytes on the wire, each sent once, in order; or one, sent again and again. */
  requests: readonly Buffer[];
  connections?: number;
  /** How long at most, in milliseconds. */
  lasting: number;
}

/** Sends prepared requests over keep-alive connections, one in flight on each, until they or the time are used up. */
export async function load({ port, pid, requests, connections = 16, lasting }: Target): Promise<Pass> {
  const times: number[] = [];
  let next = 0;
  let refused = 0;
  const repeat = requests.length === 1;
  const sockets = await Promise.all(Array.from({ length: connections }, () => open(port)));
  const cpuBefore = await cpuOf(pid);
  const began = performance.now();
  const take = (): Buffer | undefined => (performance.now() - began > lasting ? undefined : repeat ? requests[0] : requests[next++]);
  await Promise.all(
    sockets.map(async (socket) => {
      const answers = reader(socket);
      for (let request = take(); request !== undefined; request = take()) {
        const sent = performance.now();
        socket.write(request);
        if ((await answers()) !== 200) refused++;
        times.push(performance.now() - sent);
      }
      socket.destroy();
    }),
  );
  const took = performance.now() - began;
  const cpu = (await cpuOf(pid)) - cpuBefore;
  times.sort((a, b) => a - b);
  const at = (share: number) => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? Number.NaN;
  return { requests: times.length, perSecond: (times.length / took) * 1000, p50: at(0.5), p99: at(0.99), cpu: cpu / times.length, refused };
}

function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true }, () => resolve(socket));
    socket.once("error", reject);
  });
}

/** Answers the status of each reply in turn, once its whole body (by Content-Length or chunked) is in. */
function reader(socket: Socket): () => Promise<number> {
  let buffered = Buffer.alloc(0);
  let waiting: ((status: number) => void) | undefined;
  let failed: ((error: Error) => void) | undefined;
  socket.once("close", () => failed?.(new Error("the server closed a connection")));
  const settle = () => {
    const end = buffered.indexOf("\r\n\r\n");
    if (end < 0 || waiting === undefined) return;
    const head = buffered.toString("latin1", 0, end);
    const length = /content-length: (\d+)/i.exec(head);
    let total: number;
    if (length) total = end + 4 + Number(length[1]);
    else {
      const last = buffered.indexOf("0\r\n\r\n", end + 2);
      if (last < 0) return;
      total = last + 5;
    }
    if (buffered.length < total) return;
    buffered = buffered.subarray(total);
    const done = waiting;
    waiting = undefined;
    done(Number(head.slice(9, 12)));
  };
  socket.on("data", (chunk) => {
    buffered = buffered.length === 0 ? chunk : Buffer.concat([buffered, chunk]);
    settle();
  });
  return () =>
    new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error("no answer came within 60 s")), 60_000);
      waiting = (status) => {
        clearTimeout(late);
        resolve(status);
      };
      failed = reject;
      settle();
    });
}

const TICK = 10_000;

/** CPU time of a process, user and system, in microseconds (proc(5): ticks of 1/100 s). */
export async function cpuOf(pid: number): Promise<number> {
  const { readFile } = await import("node:fs/promises");
  const fields = (await readFile(`/proc/${pid}/stat`, "latin1")).split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) * TICK;
}

/** The same to the nanosecond, for what takes less than a tick: what every thread of it was on a processor (schedstat). */
export async function fineCpuOf(pid: number): Promise<number> {
  const { readdir, readFile } = await import("node:fs/promises");
  const threads = await readdir(`/proc/${pid}/task`);
  const spent = await Promise.all(threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/schedstat`, "latin1").catch(() => "0")));
  return spent.reduce((sum, line) => sum + Number(line.split(" ")[0]) / 1000, 0);
}

/** Resident memory of a process, in MB. */
export async function memoryOf(pid: number): Promise<number> {
  const { readFile } = await import("node:fs/promises");
  const line = /VmRSS:\s+(\d+) kB/.exec(await readFile(`/proc/${pid}/status`, "latin1"));
  return Number(line?.[1]) / 1024;
}

/** The value below which this share of them lies. */
export const quantile = (values: readonly number[], share: number): number =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))] ?? Number.NaN;

export const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
