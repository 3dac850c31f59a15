// A process of its own that opens many streams on a companion, checks every one of them (each
// delta, in order, no gap in the numbers of the chunks) and prints one line of JSON with what it
// measured. Speaks to loopback only.
import { Agent, request } from "node:http";
import { parseArgs } from "node:util";
import { nowMicros } from "./paced-provider.ts";

export interface LoadResult {
  streams: number;
  deltas: number;
  /** SSE frames they came in: several deltas may share a commit, and then a chunk. */
  frames: number;
  /** From the first delta that arrived to the last. */
  seconds: number;
  /** How many of the frames came while all streams ran. */
  together: number;
  /**
   * Milliseconds from a delta's making to its arrival here, while all streams run;
   * null if they never all did.
   */
  delays: { p50: number; p99: number; max: number } | null;
  errors: string[];
}

const { values: flags } = parseArgs({
  options: {
    port: { type: "string", default: "0" },
    token: { type: "string", default: "" },
    model: { type: "string", default: "" },
    streams: { type: "string", default: "1" },
    /** The companion's process: told with SIGUSR2 when all streams run and when the first ends. */
    pid: { type: "string", default: "" },
    /** Chunks that are not stored have no numbers to check at the end of a turn. */
    unnumbered: { type: "boolean", default: false },
  },
});
const streams = Number(flags.streams);
const expected = Number(flags.model.split("/")[1]?.split("x")[0]);
const agent = new Agent({ maxSockets: Number.POSITIVE_INFINITY });
/** The last words of the first that ends are already those of a change. */
const SETTLING_MICROS = 100_000;

/** When it was made and when it arrived, by turns. */
const times: number[] = [];
let allRunSince = 0;
let allRanUntil = Number.POSITIVE_INFINITY;
const errors: string[] = [];
let frames = 0;
let first = 0;
let last = 0;

let running = 0;
let together = 0;

function signalCompanion(): void {
  if (flags.pid) process.kill(Number(flags.pid), "SIGUSR2");
}

function readStream(): Promise<void> {
  return new Promise((resolve) => {
    const outgoing = request(
      {
        host: "127.0.0.1",
        port: Number(flags.port),
        path: "/v1/messages/stream",
        method: "POST",
        agent,
        headers: {
          authorization: `Bearer ${flags.token}`,
          "content-type": "application/json",
        },
      },
      (response) => {
        const check = createCheck();
        let rest = "";
        response.setEncoding("utf8");
        response.on("data", (text: string) => {
          const now = nowMicros();
          first ||= now;
          last = now;
          const blocks = (rest + text).split("\n\n");
          rest = blocks.pop() ?? "";
          for (const block of blocks) check.frame(block, now);
        });
        response.on("close", () => {
          const error = check.end(response.statusCode);
          if (error) errors.push(error);
          resolve();
        });
      },
    );
    outgoing.on("error", (error) => {
      errors.push(String(error));
      resolve();
    });
    outgoing.end(
      JSON.stringify({ model: flags.model, message: { type: "user_message", content: "go" } }),
    );
  });
}

function createCheck() {
  let seq = 0;
  let deltas = 0;
  let carry = "";
  let failure: string | undefined;
  let final = "";
  return {
    frame(block: string, now: number) {
      if (!block.startsWith("id: ")) return;
      const chunk = JSON.parse(block.slice(block.indexOf("data: ") + 6)) as {
        seq: number;
        type: string;
        token?: string;
        is_final: boolean;
      };
      if (chunk.is_final) {
        final = chunk.type;
        if (allRanUntil === Number.POSITIVE_INFINITY) signalCompanion();
        allRanUntil = Math.min(allRanUntil, now);
      }
      if (chunk.seq !== ++seq && !(flags.unnumbered && chunk.is_final)) {
        failure ??= `chunk ${chunk.seq} after ${seq - 1}`;
      }
      if (chunk.type !== "assistant_message") return;
      frames++;
      if (running === streams && allRanUntil === Number.POSITIVE_INFINITY) together++;
      const text = carry + (chunk.token ?? "");
      const whole = text.lastIndexOf(" ") + 1;
      carry = text.slice(whole);
      for (const delta of text.slice(0, whole).split(" ")) {
        if (delta === "") continue;
        const at = delta.indexOf("@");
        if (Number(delta.slice(0, at)) !== deltas++) failure ??= `delta ${delta} out of order`;
        if (deltas === 1) {
          allRunSince = now;
          if (++running === streams) signalCompanion();
        }
        times.push(Number(delta.slice(at + 1)), now);
      }
    },
    end(status: number | undefined): string | undefined {
      if (status !== 200) return `HTTP ${status}`;
      if (failure) return failure;
      if (deltas !== expected) return `${deltas} of ${expected} deltas`;
      return final === "done" ? undefined : `ended with ${final || "nothing"}`;
    },
  };
}

await Promise.all(Array.from({ length: streams }, readStream));
const ages: number[] = [];
for (let index = 0; index < times.length; index += 2) {
  const made = times[index] ?? 0;
  const came = times[index + 1] ?? 0;
  if (made >= allRunSince && made < allRanUntil - SETTLING_MICROS) ages.push((came - made) / 1000);
}
ages.sort((a, b) => a - b);
const at = (share: number) =>
  ages[Math.min(ages.length - 1, Math.floor(ages.length * share))] ?? Number.NaN;
const result: LoadResult = {
  streams,
  deltas: times.length / 2,
  frames,
  seconds: (last - first) / 1e6,
  together,
  delays: ages.length > 0 ? { p50: at(0.5), p99: at(0.99), max: at(1) } : null,
  errors: [...new Set(errors)].slice(0, 5),
};
process.stdout.write(`${JSON.stringify(result)}\n`);
agent.destroy();
