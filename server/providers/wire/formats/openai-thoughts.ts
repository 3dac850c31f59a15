// Thinking in the chat format, which has no place for it: each server has its own field, some have
// two for the same words. What came is shown once and kept as it came; DeepSeek, Kimi and
// OpenRouter want it back with the calls that it led to.
import type { Answer } from "../answer.ts";
import { type Fields, list, num, record, text, textOf } from "../values.ts";

export interface Thoughts {
  /** The fields of a delta or a message; whether there was any thinking in them. */
  read(delta: Fields): boolean;
  /** A part of a content that is a list. */
  part(part: Fields): void;
  /** What a server puts beside the call of this number, to know its thinking again. */
  call(place: number, call: Fields): void;
  /** At the end: all that is to be sent back. */
  keep(): void;
}

const PLAIN = [
  ...["reasoning_content", "reasoning", "thinking", "reasoning_text", "thoughts"],
  "reasoningContent",
];
const THINKING = new Set<string>([...PLAIN, "reasoning_details", "thinking_blocks"]);

/** Of a part of a content. */
const WORDS = ["thinking", "text", "reasoning", "summary", "content"];

/** A word's delta has one or two fields: they are fewer than those that may be in it. */
function mayThink(delta: Fields): boolean {
  for (const field in delta) if (THINKING.has(field)) return true;
  return false;
}

/** What is sent back not as fields of its own but as the beginning of the content. */
const TAGGED = "content_before";
const PARTS = "content_parts";
/** Nor this: each has its place beside a call. */
const CALLS = "beside_calls";
/** Signatures of thinking, as Google's compatible API and LiteLLM have them. */
const BESIDE_CALLS = [
  ...["extra_content", "provider_specific_fields"],
  ...["thought_signature", "thoughtSignature"],
];

/** A message of the history with the thinking that led to its calls, as the server gave it. */
export function withThoughts(content: string | null, kept: Fields): Fields {
  const { [TAGGED]: tagged, [PARTS]: parts, [CALLS]: _calls, ...fields } = kept;
  if (Array.isArray(parts)) {
    const said = content === null ? [] : [{ type: "text", text: content }];
    return { ...fields, content: [...parts, ...said] };
  }
  const before = text(tagged);
  return { ...fields, content: before === "" ? content : before + (content ?? "") };
}

/** The same for one of its calls. */
export function besideCall(place: number, kept: Fields): Fields {
  return record(record(kept[CALLS])?.[place]) ?? {};
}

export function createThoughts(answer: Answer): Thoughts {
  const plain: Record<string, string | undefined> = {};
  const parts: Record<string, unknown>[] = [];
  const keptDetails: Record<string, unknown>[] = [];
  const keptBlocks: Record<string, unknown>[] = [];
  const keptCalls = new Map<number, Fields>();

  const readPlain = (delta: Fields): boolean => {
    // Twins tell the same: of two in one piece, the one that has come before is shown and sent
    // back.
    const told = PLAIN.filter((field) => delta[field]);
    const field = told.find((one) => plain[one] !== undefined) ?? told[0];
    const words = field === undefined ? "" : textOf(delta[field]);
    if (field === undefined || words === "") return false;
    plain[field] = (plain[field] ?? "") + words;
    answer.reasoning(words);
    return true;
  };

  return {
    read(delta) {
      if (!mayThink(delta)) return false;
      const shown = readPlain(delta);
      const details = list(delta["reasoning_details"]);
      const blocks = list(delta["thinking_blocks"]);
      for (const part of details) {
        const detail = record(part);
        if (!detail) continue;
        if (!shown) answer.reasoning(text(detail["text"]) || text(detail["summary"]));
        addDetail(keptDetails, detail);
      }
      for (const part of blocks) {
        const block = record(part);
        if (!block) continue;
        if (!shown) answer.reasoning(text(block["thinking"]));
        addBlock(keptBlocks, block);
      }
      return shown || details.length > 0 || blocks.length > 0;
    },
    part(part) {
      addPart(parts, part);
      const words = WORDS.map((field) => part[field]).find(Boolean);
      answer.reasoning(textOf(words ?? ""));
    },
    call(place, call) {
      for (const field of BESIDE_CALLS) {
        if (!record(call[field]) && text(call[field]) === "") continue;
        keptCalls.set(place, { ...keptCalls.get(place), [field]: call[field] });
      }
    },
    keep() {
      // Plain words are wanted back with the calls they led to, and by some not without.
      const hasCalls = answer.calls.count() > 0;
      const kept: Record<string, unknown> = hasCalls ? { ...plain } : {};
      const tagged = hasCalls ? answer.tagged() : "";
      if (tagged !== "") kept[TAGGED] = tagged;
      if (hasCalls && parts.length > 0) kept[PARTS] = parts;
      if (keptDetails.length > 0) kept["reasoning_details"] = keptDetails;
      if (keptBlocks.length > 0) kept["thinking_blocks"] = keptBlocks;
      if (keptCalls.size > 0) kept[CALLS] = Object.fromEntries(keptCalls);
      if (Object.keys(kept).length > 0) answer.keep(kept);
    },
  };
}

/** The pieces of one detail follow each other; each has its own number or kind. */
function addDetail(details: Record<string, unknown>[], piece: Fields): void {
  const last = details.at(-1);
  const goesOn =
    last !== undefined &&
    last["type"] === piece["type"] &&
    num(last["index"]) === num(piece["index"]) &&
    (!piece["id"] || !last["id"] || last["id"] === piece["id"]) &&
    piece["type"] !== "reasoning.encrypted";
  if (goesOn) join(last, piece, ["text", "summary"]);
  else details.push({ ...piece });
}

/** Mistral's: `{ type: "thinking", thinking: [{ type: "text", text: … }] }`, in pieces. */
function addPart(parts: Record<string, unknown>[], piece: Fields): void {
  const last = parts.at(-1);
  const thinking = list(piece["thinking"]);
  if (!last || last["type"] !== piece["type"] || thinking.length === 0) parts.push({ ...piece });
  else Object.assign(last, piece, { thinking: joined([...list(last["thinking"]), ...thinking]) });
}

function joined(pieces: readonly unknown[]): unknown[] {
  const whole: unknown[] = [];
  for (const piece of pieces) {
    const last = record(whole.at(-1));
    const next = record(piece);
    if (last?.["type"] === "text" && next?.["type"] === "text") {
      whole[whole.length - 1] = { ...last, text: text(last["text"]) + text(next["text"]) };
    } else whole.push(piece);
  }
  return whole;
}

function addBlock(blocks: Record<string, unknown>[], piece: Fields): void {
  const last = blocks.at(-1);
  const goesOn = last && last["type"] === piece["type"] && !last["signature"] && !last["data"];
  if (goesOn) join(last, piece, ["thinking"]);
  else blocks.push({ ...piece });
}

/** Words are appended; of the rest what comes later counts, if it says anything. */
function join(into: Record<string, unknown>, piece: Fields, words: readonly string[]): void {
  for (const [field, value] of Object.entries(piece)) {
    if (value === null || value === "") continue;
    into[field] = words.includes(field) ? text(into[field]) + text(value) : value;
  }
}
