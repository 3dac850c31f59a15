// A process of its own that opens many streams on a companion, checks every one of them (each
// delta, in order, no gap in the numbers of the chunks) and prints one line of JSON with what it
// measured. It shares the machine with what it measures, so while the streams run it only keeps
// what comes, and when; it is read afterwards. Speaks to loopback only.
import { connect } from "node:net";
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

/** What came on one connection: its bytes, and where each read ended and when it came. */
class Recording {
  readonly ends: number[] = [];
  readonly times: number[] = [];
  #bytes = Buffer.allocUnsafe(64 * 1024);
  #length = 0;

  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  add(read: Buffer, count: number, now: number): void {
    if (this.#length + count > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(2 * (this.#length + count));
      this.#bytes.copy(larger, 0, 0, this.#length);
      this.#bytes = larger;
    }
    read.copy(this.#bytes, this.#length, 0, count);
    this.#length += count;
    this.ends.push(this.#length);
    this.times.push(now);
  }

  /** Whether the newest read has it, or brings the end of it. */
  hasNow(mark: Buffer): boolean {
    const from = Math.max(0, (this.ends.at(-2) ?? 0) - mark.length);
    const found = this.#bytes.indexOf(mark, from);
    return found >= 0 && found + mark.length <= this.#length;
  }
}

const DELTA = Buffer.from('"type":"assistant_message"');
const FINAL = Buffer.from('"is_final":true');
/** One for all: a read is over before the next begins. */
const readBuffer = Buffer.allocUnsafe(64 * 1024);

function record(): Promise<Recording> {
  const recording = new Recording();
  let hasBegun = false;
  const note = (count: number): boolean => {
    const now = nowMicros();
    first ||= now;
    last = now;
    recording.add(readBuffer, count, now);
    if (!hasBegun && recording.hasNow(DELTA)) {
      hasBegun = true;
      allRunSince = now;
      if (++running === streams) signalCompanion();
    }
    if (recording.hasNow(FINAL)) {
      if (allRanUntil === Number.POSITIVE_INFINITY) signalCompanion();
      allRanUntil = Math.min(allRanUntil, now);
    }
    return true;
  };
  return new Promise((resolve) => {
    const socket = connect({
      host: "127.0.0.1",
      port: Number(flags.port),
      onread: { buffer: readBuffer, callback: note },
    });
    socket.on("error", (error) => errors.push(String(error)));
    socket.on("close", () => resolve(recording));
    const body = JSON.stringify({
      model: flags.model,
      message: { type: "user_message", content: "go" },
    });
    socket.write(
      [
        "POST /v1/messages/stream HTTP/1.1",
        `host: 127.0.0.1:${flags.port}`,
        "connection: close",
        `authorization: Bearer ${flags.token}`,
        "content-type: application/json",
        `content-length: ${Buffer.byteLength(body)}`,
        "",
        body,
      ].join("\r\n"),
    );
  });
}

/** Reads an answer to its end: its head, the chunks of its body, the frames in them. */
function read({ bytes, ends, times }: Recording): string | undefined {
  const check = createCheck();
  const endOfHead = bytes.indexOf("\r\n\r\n");
  const status = Number(bytes.toString("latin1", 0, Math.max(0, endOfHead)).split(" ")[1]);
  let rest = "";
  let readNumber = 0;
  for (let at = endOfHead + 4; status === 200 && at < bytes.length; ) {
    const line = bytes.indexOf("\r\n", at);
    const size = Number.parseInt(bytes.toString("latin1", at, line), 16);
    if (!(size > 0)) break;
    const end = line + 2 + size;
    while ((ends[readNumber] ?? Number.POSITIVE_INFINITY) < end) readNumber++;
    const blocks = (rest + bytes.toString("utf8", line + 2, end)).split("\n\n");
    rest = blocks.pop() ?? "";
    for (const block of blocks) check.frame(block, times[readNumber] ?? 0);
    at = end + 2;
  }
  return check.end(status);
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
      if (chunk.is_final) final = chunk.type;
      if (chunk.seq !== ++seq && !(flags.unnumbered && chunk.is_final)) {
        failure ??= `chunk ${chunk.seq} after ${seq - 1}`;
      }
      if (chunk.type !== "assistant_message") return;
      frames++;
      if (running === streams && now > allRunSince && now < allRanUntil) together++;
      const text = carry + (chunk.token ?? "");
      const whole = text.lastIndexOf(" ") + 1;
      carry = text.slice(whole);
      for (const delta of text.slice(0, whole).split(" ")) {
        if (delta === "") continue;
        const at = delta.indexOf("@");
        if (Number(delta.slice(0, at)) !== deltas++) failure ??= `delta ${delta} out of order`;
        times.push(Number(delta.slice(at + 1)), now);
      }
    },
    end(status: number): string | undefined {
      if (status !== 200) return `HTTP ${status}`;
      if (failure) return failure;
      if (deltas !== expected) return `${deltas} of ${expected} deltas`;
      return final === "done" ? undefined : `ended with ${final || "nothing"}`;
    },
  };
}

for (const recording of await Promise.all(Array.from({ length: streams }, record))) {
  const error = read(recording);
  if (error) errors.push(error);
}
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
