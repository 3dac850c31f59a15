// Several companions on one Postgres, with ten thousand readers that wait and a thousand answers
// that run: what each of them needs, and the server, and how that grows with their number.
import type { Socket } from "node:net";
import { newSession, readIdle } from "./idle-streams.ts";
import { type Loaded, type MeasuredCompanion, startMeasured } from "./measured-companion.ts";
import { type PostgresWork, workOf } from "./postgres-work.ts";
import type { Result } from "./result.ts";
import { told } from "./upstream-goals.ts";

const COMPANIONS = [1, 3];
/** A session has a bounded number of readers; these are five of each. */
const SESSIONS = (quick: boolean) => (quick ? 200 : 2_000);
const READERS = (quick: boolean) => (quick ? 1_000 : 10_000);
const ANSWERS = (quick: boolean) => (quick ? 200 : 1_000);
/** As many a second as two cores carry with the client and the server beside. */
const MODEL = "200x5";
const IDLE_S = 8;
const RUNNING_S = 18;

export async function measureTeam(
  databases: () => Promise<string | undefined>,
  quick: boolean,
): Promise<Result[]> {
  const results: Result[] = [];
  let alone: number | undefined;
  for (const companions of COMPANIONS) {
    const { idle, running, loads, memory } = await measure(await databases(), companions, quick);
    const micros = (running.cpu * 1e6) / running.chunks;
    alone ??= micros;
    const of = `${READERS(quick).toLocaleString("en")} idle readers and ${ANSWERS(quick).toLocaleString("en")} answers × 5/s over ${companions} companion${companions > 1 ? "s" : ""}`;
    const one = { baseline: "–", goal: "–", met: true };
    results.push({ ...one, what: `${of}: only readers, the server`, measured: toldWork(idle) });
    for (const [n, load] of loads.entries()) {
      const measured = `${told(load)}; ${(memory[n] ?? 0).toFixed(0)} MB`;
      results.push({ ...one, what: `${of}: companion ${n + 1}`, measured });
    }
    results.push({
      ...one,
      what: `${of}: the server`,
      measured: `${toldWork(running)}; ${micros.toFixed(0)} µs CPU and ${(running.walBytes / running.chunks).toFixed(0)} bytes of WAL a chunk`,
      baseline: `${alone.toFixed(0)} µs with one companion`,
    });
  }
  return results;
}

interface Measured {
  idle: PostgresWork;
  running: PostgresWork;
  loads: Loaded[];
  /** MB, of each. */
  memory: number[];
}

async function measure(
  database: string | undefined,
  count: number,
  quick: boolean,
): Promise<Measured> {
  if (database === undefined) throw new Error("several companions share a Postgres only");
  const companions: MeasuredCompanion[] = [];
  const sockets: Socket[] = [];
  try {
    for (let n = 0; n < count; n++) companions.push(await startMeasured({ database }));
    const at = (n: number): MeasuredCompanion => {
      const companion = companions[n % count];
      if (!companion) throw new Error("no companion");
      return companion;
    };
    const ids = await atOnce(SESSIONS(quick), (n) => newSession(at(n)));
    // Readers of one session are at different companions, as people's windows are.
    await atOnce(READERS(quick), async (n) => {
      sockets.push(await readIdle(at(n), ids[n % ids.length] ?? ""));
    });
    const idle = await workOf(database, IDLE_S);
    const each = Math.floor(ANSWERS(quick) / count);
    const loading = Promise.all(companions.map((one) => one.load(each, MODEL)));
    const running = await begun(loading, database);
    const loads = await loading;
    const memory: number[] = [];
    for (const one of companions) memory.push((await one.memory()).rss / 2 ** 20);
    return { idle, running, loads, memory };
  } finally {
    for (const socket of sockets) socket.destroy();
    await Promise.all(companions.map((one) => one.stop()));
  }
}

/** In the middle of it: they have all begun, and none has ended. */
async function begun(loading: Promise<unknown>, database: string): Promise<PostgresWork> {
  const rampMs = 15_000;
  await Promise.race([loading, new Promise((resolve) => setTimeout(resolve, rampMs))]);
  return await workOf(database, RUNNING_S);
}

async function atOnce<T>(count: number, make: (n: number) => Promise<T>): Promise<T[]> {
  const made: T[] = [];
  for (let n = 0; n < count; n += 50) {
    const some = Math.min(50, count - n);
    made.push(...(await Promise.all(Array.from({ length: some }, (_, index) => make(n + index)))));
  }
  return made;
}

function toldWork({ cpu, waited, transactions, walBytes, chunks }: PostgresWork): string {
  return [
    `${(cpu * 100).toFixed(0)} % of a core (and ${(waited * 100).toFixed(0)} % waited for one)`,
    `${transactions.toFixed(0)} transactions/s`,
    `${chunks.toFixed(0)} chunks/s`,
    `${(walBytes / 1024).toFixed(0)} KB of WAL/s`,
  ].join(", ");
}
