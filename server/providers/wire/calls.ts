// Which pieces of an answer are one call. Servers give indexes and ids as they like: none, empty
// ones, the same for two calls, another one for each piece, the whole call once more at the end.
import { randomUUID } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { ForeignId } from "../../protocol/fields.ts";
import { ToolName } from "../../protocol/offers.ts";
import { cleanText } from "../clean-text.ts";
import type { ToolCall } from "../provider.ts";
import { record } from "./values.ts";

/** What one event says of one call; "" and undefined: nothing. */
export interface CallPiece {
  index?: number | undefined;
  id: string;
  name: string;
  /** The arguments, or what comes next of them, as JSON text. */
  args: string;
}

interface OpenCall {
  index: number | undefined;
  id: string;
  name: string;
  pieces: string[];
  /** The event that the newest piece came with. */
  event: number;
  /** How often its arguments were looked at as a whole: a mad server could make that dear. */
  looks: number;
}

export interface Calls {
  /**
   * The pieces of one event, in their order; returns how many characters of
   * arguments named calls got.
   */
  add(pieces: readonly CallPiece[]): number;
  /** The calls as they are in a whole answer: what is known already is not taken for new. */
  settle(pieces: readonly CallPiece[]): void;
  /** How many there are so far. */
  count(): number;
  /** `repeated`: how often a call came whole once more. */
  finished(): { calls: ToolCall[]; nameless: number; repeated: number };
}

const MAX_ATTEMPTS = 50;
const MAX_LOOKS = 50;

export function createCalls(): Calls {
  const open: OpenCall[] = [];
  let event = 0;
  let repeats = 0;
  const start = ({ index, id, name, args }: CallPiece): void => {
    open.push({ index, id, name, pieces: args === "" ? [] : [args], event, looks: 0 });
  };
  const addOne = (piece: CallPiece, place: number, of: number): number => {
    const call = findCall(open, piece, { event, place, of });
    if (!call) {
      start(piece);
      return piece.name === "" ? 0 : piece.args.length;
    }
    // Only what begins anew and is whole already gets here.
    if (piece.name !== "" && call.pieces.length > 0 && asObject(piece.args)) repeats += 1;
    call.id ||= piece.id;
    call.name = nameOf(call, piece);
    call.index ??= piece.index;
    call.event = event;
    if (piece.args !== "") call.pieces.push(piece.args);
    return call.name === "" ? 0 : piece.args.length;
  };
  return {
    add(pieces) {
      event += 1;
      let characters = 0;
      for (const [place, piece] of pieces.entries()) {
        characters += addOne(piece, place, pieces.length);
      }
      return characters;
    },
    settle(pieces) {
      event += 1;
      const left = new Set(open);
      for (const piece of pieces) {
        const call = findSame(left, piece);
        if (call) {
          left.delete(call);
          if (piece.args !== "") call.pieces = [piece.args];
          call.name ||= piece.name;
        } else start(piece);
      }
    },
    count: () => open.length,
    finished() {
      const named = open.filter(({ name }) => name !== "");
      const single = withoutRepeated(named);
      const ids = new Set<string>();
      return {
        calls: single.map((call) => toToolCall(call, ids)),
        nameless: open.length - named.length,
        repeated: repeats + named.length - single.length,
      };
    },
  };
}

/** The call that a piece goes on with; undefined if it begins one. */
function findCall(
  open: readonly OpenCall[],
  piece: CallPiece,
  at: { event: number; place: number; of: number },
): OpenCall | undefined {
  const { index, id, name } = piece;
  const atIndex = index === undefined ? undefined : open.findLast((one) => one.index === index);
  if (id !== "") {
    const same = open.filter((one) => one.id === id);
    if (same.length === 0) {
      const near = atIndex ?? (index === undefined ? open.at(-1) : undefined);
      return near && isNextOf(near, piece, at.event) ? near : undefined;
    }
    const call = same.findLast((one) => index === undefined || one.index === index) ?? same.at(-1);
    const elsewhere = index !== undefined && call?.index !== undefined && call.index !== index;
    if (!call || (elsewhere && name !== "")) return undefined;
    return (isUnsaid(call) && call.event !== at.event) || goesOn(call, piece, at.event)
      ? call
      : undefined;
  }
  if (index !== undefined) {
    if (atIndex) return goesOn(atIndex, piece, at.event) ? atIndex : undefined;
    const newest = open.at(-1);
    return name === "" || (newest && isRest(newest, piece, at.event)) ? newest : undefined;
  }
  if (name === "") return at.of > 1 ? open.at(at.place - at.of) : open.at(-1);
  const last = open.at(-1);
  // Nothing but the name tells whose piece it is, and one that is begun anew is another call.
  return last?.name === name && last.pieces.length > 0 && goesOn(last, piece, at.event)
    ? last
    : undefined;
}

/**
 * Of a piece with an id that is new: the id may come after the name, or be a new one in each piece.
 */
function isNextOf(call: OpenCall, piece: CallPiece, event: number): boolean {
  return call.id === "" ? goesOn(call, piece, event) : isRest(call, piece, event);
}

/** What it says can only be what is missing of that call. */
function isRest(call: OpenCall, { name, args }: CallPiece, event: number): boolean {
  if (call.event === event) return false;
  const isBegun = call.pieces.length > 0;
  if (name !== "" && (name !== call.name || args === "" || !isBegun)) return false;
  return !(isBegun && args.trimStart().startsWith("{")) && wholeSofar(call) === undefined;
}

/** A name may come in pieces, or all of it so far in each. */
function nameOf(call: OpenCall, { name }: CallPiece): string {
  if (name === "" || name === call.name) return call.name;
  return name.startsWith(call.name) ? name : call.name + name;
}

/** Of a call under one id: nothing but its name so far, or `{}` in the place of what is to come. */
function isUnsaid({ pieces }: OpenCall): boolean {
  return pieces.every((piece) => /^\s*(?:\{\s*\})?\s*$/.test(piece));
}

/** False: at the same place another call begins. */
function goesOn(call: OpenCall, { id, name, args }: CallPiece, event: number): boolean {
  if (name === "") return true;
  if (call.name !== "" && call.name !== name) {
    // The rest of a name: another call would have an id as well.
    return call.id !== "" && id === "" && args === "" && call.pieces.length === 0;
  }
  const sofar = wholeSofar(call);
  if (sofar === undefined) return true;
  const whole = asObject(args);
  if (whole === undefined) return !args.trimStart().startsWith("{");
  return call.event !== event && isDeepStrictEqual(whole, sofar);
}

function wholeSofar(call: OpenCall): Record<string, unknown> | undefined {
  if (!call.pieces.at(-1)?.trimEnd().endsWith("}") || call.looks >= MAX_LOOKS) return undefined;
  call.looks += 1;
  return asObject(call.pieces.join(""));
}

function findSame(left: ReadonlySet<OpenCall>, piece: CallPiece): OpenCall | undefined {
  const calls = [...left];
  const args = asObject(piece.args) ?? piece.args;
  const argsOf = ({ pieces }: OpenCall) => asObject(pieces.join("")) ?? pieces.join("");
  const isOpen = (call: OpenCall): boolean => {
    const sofar = argsOf(call);
    return typeof sofar === "string" || Object.keys(sofar).length === 0;
  };
  return (
    (piece.id === "" ? undefined : findById(calls, piece)) ??
    (piece.index === undefined ? undefined : calls.find((call) => isAt(call, piece))) ??
    calls.find((call) => call.name === piece.name && isDeepStrictEqual(argsOf(call), args)) ??
    calls.find(
      (call) =>
        (call.name === piece.name || call.name === "") &&
        (call.id === "" || piece.id === "") &&
        (isOpen(call) || piece.args === ""),
    )
  );
}

/** Two calls may have come under one id: the place tells them apart. */
function findById(calls: readonly OpenCall[], piece: CallPiece): OpenCall | undefined {
  const same = calls.filter(({ id }) => id === piece.id);
  return same.find(({ index }) => index === piece.index) ?? same[0];
}

function isAt(call: OpenCall, { index, id, name }: CallPiece): boolean {
  return call.index === index && (call.id === "" || id === "") && (!name || call.name === name);
}

/** A call that came twice under one id, at two indexes, is one. */
function withoutRepeated(calls: readonly OpenCall[]): OpenCall[] {
  const seen = new Set<string>();
  return calls.filter(({ id, name, pieces }) => {
    if (id === "") return true;
    const key = JSON.stringify([id, name, parseArguments(pieces)]);
    return !seen.has(key) && seen.add(key);
  });
}

function toToolCall({ id, name, pieces }: OpenCall, ids: Set<string>): ToolCall {
  const usable = ForeignId.safeParse(id).success && !ids.has(id);
  const call_id = usable ? id : `call_${randomUUID()}`;
  ids.add(call_id);
  return {
    call_id,
    tool_name: plainName(cleanText(name.trim())).slice(0, 128),
    ...parseArguments(pieces),
  };
}

/**
 * What models write around a tool's name: "functions.read:0", "default_api:read",
 * "read<|channel|>json". No tool has such signs in its own.
 */
export function plainName(name: string): string {
  const [last = ""] = /[^.:/]*$/.exec(name.replace(/(?:<\|.*|:\d+)$/s, "")) ?? [];
  return ToolName.safeParse(last).success ? last : name;
}

/** Cut or broken arguments are not mended here: whoever runs the call answers the model. */
function parseArguments(pieces: readonly string[]): Omit<ToolCall, "call_id" | "tool_name"> {
  const joined = pieces.join("");
  const whole = NOTHING.test(joined) ? {} : (asObject(joined) ?? repeatedIn(pieces));
  return whole ? { arguments: whole } : { arguments: {}, raw_arguments: cleanText(joined) };
}

/** A call without arguments, in the words of several languages. */
const NOTHING = /^\s*(?:null|None|undefined|\[\s*\]|"\s*")?\s*$/;

/**
 * Where the pieces and the whole both came, or an empty beginning before the whole:
 * what is an object by itself.
 */
function repeatedIn(pieces: readonly string[]): Record<string, unknown> | undefined {
  if (pieces.length < 2) return undefined;
  const from = Math.max(pieces.length - MAX_ATTEMPTS, 1);
  for (let start = from; start < pieces.length; start += 1) {
    if (!pieces[start]?.trimStart().startsWith("{")) continue;
    const found = asObject(pieces.slice(start).join(""));
    if (found) return found;
  }
  return undefined;
}

function asObject(json: string): Record<string, unknown> | undefined {
  if (!json.includes("{")) return undefined;
  try {
    const value: unknown = JSON.parse(json, clean);
    // Some servers write the text of the arguments as a text once more.
    const object = typeof value === "string" ? (JSON.parse(value, clean) as unknown) : value;
    return record(object);
  } catch {
    return undefined;
  }
}

function clean(_name: string, value: unknown): unknown {
  return typeof value === "string" ? cleanText(value) : value;
}
