// What the kernel knows of this process: how long each thread had a core, and how long it could
// have used one and had none. Linux only, as the bench is.
import { readdirSync, readFileSync } from "node:fs";

/** What the threads are for, by the names they have. */
const ROLES = {
  "append-worker": "writer",
  "checkpoint-work": "checkpoints",
  "reading-worker": "searches",
  "export-worker": "exports",
} as const;
type Role = "main" | (typeof ROLES)[keyof typeof ROLES] | "engine";

/** Milliseconds. */
export interface ThreadTime {
  ran: number;
  /** It waited for a core. */
  waited: number;
}

export interface Spent {
  /** Milliseconds between the two looks. */
  passed: number;
  threads: Partial<Record<Role, ThreadTime>>;
  /** All processes of the Postgres on this machine. */
  postgres?: ThreadTime;
  /** Bytes that this process had written to the disk. */
  written: number;
}

interface Look {
  at: number;
  threads: Map<Role, ThreadTime>;
  written: number;
  since(before: Look): Spent;
}

export function threadTimes(): Look {
  const threads = new Map<Role, ThreadTime>();
  for (const id of readdirSync("/proc/self/task")) {
    const [ran = 0, waited = 0] = readFileSync(`/proc/self/task/${id}/schedstat`, "utf8")
      .split(" ")
      .map((nanoseconds) => Number(nanoseconds) / 1e6);
    const role = roleOf(id);
    const sum = threads.get(role) ?? { ran: 0, waited: 0 };
    threads.set(role, { ran: sum.ran + ran, waited: sum.waited + waited });
  }
  const [, bytes = "0"] = /^write_bytes: (\d+)/m.exec(readFileSync("/proc/self/io", "utf8")) ?? [];
  const look: Look = {
    at: performance.now(),
    threads,
    written: Number(bytes),
    since: (before) => ({
      passed: look.at - before.at,
      written: look.written - before.written,
      threads: Object.fromEntries(
        Array.from(threads, ([role, { ran, waited }]) => {
          const was = before.threads.get(role) ?? { ran: 0, waited: 0 };
          return [role, { ran: ran - was.ran, waited: waited - was.waited }];
        }),
      ),
    }),
  };
  return look;
}

function roleOf(id: string): Role {
  if (id === String(process.pid)) return "main";
  const name = readFileSync(`/proc/self/task/${id}/comm`, "utf8").trim();
  return name in ROLES ? ROLES[name as keyof typeof ROLES] : "engine";
}

/**
 * `40.1 main + 17.0 writer + … = 60.3 µs a frame`, which is a delta unless several shared a commit;
 * and how long the main thread waited.
 */
export function toldTimes({ threads, postgres, passed, written }: Spent, frames: number): string {
  const each = (ms: number) => ((ms * 1000) / frames).toFixed(1);
  const parts = Object.entries(threads).filter(([, { ran }]) => (ran * 1000) / frames >= 0.05);
  const named = parts.map(([role, { ran }]) => `${each(ran)} ${role}`).join(" + ");
  const waited = (((threads.main?.waited ?? 0) / passed) * 100).toFixed(0);
  const where = postgres
    ? `Postgres ${each(postgres.ran)} µs`
    : `${(written / frames / 1024).toFixed(1)} KB written`;
  return `${named} = ${cpuOf({ threads }, frames).toFixed(1)} µs a frame (main waited for a core ${waited} %), ${where}`;
}

/** Microseconds of all threads for a frame. */
export function cpuOf({ threads }: Pick<Spent, "threads">, frames: number): number {
  let sum = 0;
  for (const { ran } of Object.values(threads)) sum += ran;
  return (sum * 1000) / frames;
}
