// A call of Google's whose arguments come one by one, each under its path.
// https://docs.cloud.google.com/vertex-ai/generative-ai/docs/multimodal/function-calling
import { type Fields, list, num, record, text } from "../values.ts";

export interface PartialCall {
  /** False: the piece is of another call. */
  isOf(piece: Fields): boolean;
  add(piece: Fields, signature: string): void;
  /** As if it had come at once. */
  whole(): { call: Fields; signature: string };
}

const MAX_DEPTH = 32;

/** Whether it is a part of a call, and not all of it. */
export function isPartial(call: Fields): boolean {
  return piecesOf(call).length > 0 || goesOn(call);
}

export function goesOn(call: Fields): boolean {
  const told = call["willContinue"] ?? call["will_continue"];
  return told === true || told === "true";
}

export function createPartialCall(): PartialCall {
  let call: Fields = {};
  let signature = "";
  // Names may be anything, "__proto__" too.
  const args = Object.create(null) as Record<string, unknown>;
  const same = (known: unknown, told: unknown): boolean =>
    text(known) === "" || text(told) === "" || text(known) === text(told);
  return {
    isOf(piece) {
      // With nothing of its arguments, a name begins the next one.
      const isMore = piecesOf(piece).length > 0 || record(piece["args"]) !== undefined;
      if (text(piece["name"]) !== "" && !isMore) return false;
      return same(call["id"], piece["id"]) && same(call["name"], piece["name"]);
    },
    add(piece, signed) {
      for (const one of piecesOf(piece)) put(args, one);
      call = { ...piece, ...call, ...(record(piece["args"]) && { args: piece["args"] }) };
      signature ||= signed;
    },
    whole() {
      const told = record(call["args"]) ?? {};
      return { call: { ...call, args: { ...args, ...told } }, signature };
    },
  };
}

function piecesOf(call: Fields): Fields[] {
  const pieces = call["partialArgs"] ?? call["partial_args"];
  return list(pieces)
    .map(record)
    .filter((piece) => piece !== undefined);
}

/** `$.days[0].city`, `$['days'][0]`. */
const STEP = /\.([^.[\]]+)|\[(\d+)\]|\[\s*'((?:[^'\\]|\\.)*)'\s*\]|\[\s*"((?:[^"\\]|\\.)*)"\s*\]/g;

function stepsOf(path: string): (string | number)[] {
  return [...path.matchAll(STEP)].map(([, name, index, quoted, other]) =>
    index === undefined
      ? (name ?? (quoted ?? other ?? "").replaceAll(/\\(.)/g, "$1"))
      : Number(index),
  );
}

type Branch = Record<string | number, unknown>;

function put(args: Branch, piece: Fields): void {
  // stringValue, number_value, nullValue …
  const field = Object.keys(piece).find((name) => /value$/i.test(name));
  const steps = stepsOf(text(piece["jsonPath"] ?? piece["json_path"]));
  const last = steps.pop();
  if (field === undefined || last === undefined || steps.length > MAX_DEPTH) return;
  const value = /^null/i.test(field) ? null : piece[field];
  let at = args;
  for (const [index, step] of steps.entries()) {
    const next = steps[index + 1] ?? last;
    at = branchAt(at, step, typeof next === "number");
  }
  const key = keyIn(at, last);
  const known = at[key];
  at[key] = typeof known === "string" && typeof value === "string" ? known + value : value;
}

function branchAt(at: Branch, step: string | number, isList: boolean): Branch {
  const key = keyIn(at, step);
  const known = at[key];
  if (typeof known === "object" && known !== null) return known as Branch;
  const made = (isList ? [] : Object.create(null)) as Branch;
  at[key] = made;
  return made;
}

/** A list has no gaps, whatever number is told. */
function keyIn(at: Branch, step: string | number): string | number {
  return Array.isArray(at) ? Math.min(num(step) ?? at.length, at.length) : step;
}
