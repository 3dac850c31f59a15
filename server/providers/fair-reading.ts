// Many models' answers are read by one thread. A server that sends faster than we can read would
// otherwise keep it from everybody else: one socket gives 64 KB at a time, some three hundred
// events, and eight of them hold each turn of the event loop for tens of milliseconds. Deficit
// round robin: who has more to read than a slice waits in line, and the line has the event loop for
// a moment only before everything else is heard again. M. Shreedhar, G. Varghese: Efficient Fair
// Queuing using Deficit Round Robin, SIGCOMM 1995.

/** Some ten events: what is read of one answer before the next one's turn. */
const SLICE_BYTES = 2_048;
/**
 * What may wait in line before the source is asked to wait. The HTTP parser puts back what it had
 * not come to when it is stopped in the middle of a buffer, and copies all of it again later: it
 * is to be stopped seldom.
 */
const MAX_WAITING_BYTES = 64 * 1_024;
/**
 * How long the line may hold the event loop at a stretch. A first word takes some thirty
 * of its turns (a request, two commits, the answer of a model): at 2 ms that was 70 ms
 * more for each neighbour.
 */
const HOLD_MS = 0.25;

/** One answer's place. What it is given is read in order, now or in its turn. */
export interface Lane {
  write(bytes: Buffer): void;
  /** Calls `then` when all that was written has been read. */
  end(then: () => void): void;
  /** Nothing more of it is wanted. */
  leave(): void;
}

export interface FairReading {
  /** `wait` asks the source to send no more until `go`. */
  join(lane: { read: (bytes: Buffer) => void; wait: () => void; go: () => void }): Lane;
}

interface WaitingReader {
  parts: Buffer[];
  bytes: number;
  isHeld: boolean;
  isInLine: boolean;
  read: (bytes: Buffer) => void;
  go: () => void;
  ended: (() => void) | undefined;
}

export function createFairReading(now: () => number = () => performance.now()): FairReading {
  const line: WaitingReader[] = [];
  let scheduled = false;
  /** The line's time in this turn of the event loop is over when this is reached. */
  let until = 0;

  const schedule = (): void => {
    if (scheduled) return;
    scheduled = true;
    setImmediate(readLine);
  };
  const readLine = (): void => {
    scheduled = false;
    until = now() + HOLD_MS;
    do {
      const first = line.shift();
      if (!first) return;
      first.isInLine = false;
      readSlice(first);
    } while (now() < until);
    if (line.length > 0) schedule();
  };
  const readSlice = (one: WaitingReader): void => {
    const [part] = one.parts;
    if (part && part.length > SLICE_BYTES) {
      one.parts[0] = part.subarray(SLICE_BYTES);
      one.bytes -= SLICE_BYTES;
      one.read(part.subarray(0, SLICE_BYTES));
    } else if (part) {
      one.parts.shift();
      one.bytes -= part.length;
      one.read(part);
    }
    if (one.parts.length > 0) enter(one);
    else if (one.ended) one.ended();
    else if (one.isHeld) {
      one.isHeld = false;
      one.go();
    }
  };
  const enter = (one: WaitingReader): void => {
    if (one.isInLine) return;
    one.isInLine = true;
    line.push(one);
    schedule();
  };

  return {
    join({ read, wait, go }) {
      const one: WaitingReader = {
        parts: [],
        bytes: 0,
        isHeld: false,
        isInLine: false,
        read,
        go,
        ended: undefined,
      };
      return {
        write(bytes) {
          // A few words: no more than its share of this turn of the event loop.
          if (one.bytes === 0 && bytes.length <= SLICE_BYTES) {
            read(bytes);
            return;
          }
          one.parts.push(bytes);
          one.bytes += bytes.length;
          if (one.bytes > MAX_WAITING_BYTES && !one.isHeld) {
            one.isHeld = true;
            wait();
          }
          enter(one);
        },
        end(then) {
          if (one.parts.length === 0) then();
          else one.ended = then;
        },
        leave() {
          one.parts = [];
          one.ended = undefined;
          one.go = () => {};
        },
      };
    },
  };
}
