// What a turn has changed, put together: what was decided is with the companion, what the files
// were before and after it is in the checkpoints of this machine.
import type { DecidedHunks } from "../../server/protocol/changes.ts";
import type { Message } from "../../server/protocol/responses.ts";
import { isRecord } from "../../server/shared/json.ts";
import type { CompanionClient } from "../companion/companion-client.ts";
import { toText } from "../tools/files/file-text.ts";
import type { ToolBox } from "../tools/tool-box.ts";
import { type Hunk, hunksOf } from "./hunks.ts";

/** Of the extension, what this needs. */
export interface ChangesApp {
  client: Pick<CompanionClient, "call" | "post">;
  tools: Pick<ToolBox, "checkpoints" | "roots">;
  log: { warn(message: string): void };
}

export interface TurnRef {
  sessionId: string;
  turnId: string;
}

/** One file that a turn has changed. */
export interface TurnFile extends TurnRef {
  /** As the model names it, and the record of the chat. */
  name: string;
  path: string;
  /** Null: there was none. */
  before: Uint8Array | null;
  after: Uint8Array;
  texts: { before: string; after: string };
  hunks: readonly Hunk[];
  decided: DecidedHunks;
}

/** `lost`: those of which no copies are on this machine. */
export async function turnFiles(
  { client, tools, log }: ChangesApp,
  { sessionId, turnId }: TurnRef,
): Promise<{ files: TurnFile[]; lost: string[] }> {
  const [{ messages }, checkpoints] = await Promise.all([
    client.call("list_messages", { session_id: sessionId, turn_id: turnId }),
    tools.checkpoints.list(sessionId),
  ]);
  const kept = checkpoints.find(({ turn_id }) => turn_id === turnId)?.files ?? [];
  const files: TurnFile[] = [];
  const lost: string[] = [];
  for (const [name, decided] of changedIn(messages, turnId)) {
    const copy = kept.find((one) => one.name === name);
    if (copy?.after === undefined) {
      lost.push(name);
      continue;
    }
    const before = copy.before === null ? null : Buffer.from(copy.before, "base64");
    const after = Buffer.from(copy.after, "base64");
    try {
      const texts = {
        before: before ? (await toText(copy.path, before)).text : "",
        after: (await toText(copy.path, after)).text,
      };
      const found = hunksOf(texts.before, texts.after);
      // An empty file that was made has no line, and is a change all the same.
      const hunks = before === null && found.length === 0 ? [EMPTY_FILE] : found;
      const ref = { sessionId, turnId, name, path: copy.path };
      files.push({ ...ref, before, after, texts, hunks, decided });
    } catch (thrown) {
      log.warn(`What the turn has made of ${name} cannot be read: ${String(thrown)}`);
      lost.push(name);
    }
  }
  return { files, lost };
}

const NOTHING = { from: 0, to: 0 };
const EMPTY_FILE: Hunk = { id: "-0,0+0,0", before: NOTHING, after: NOTHING };

/** By name; a later call of the turn counts for an earlier one. */
function changedIn(messages: readonly Message[], turnId: string): Map<string, DecidedHunks> {
  const changed = new Map<string, DecidedHunks>();
  for (const { turn_id, metadata } of messages) {
    const { changed: one, decided } = metadata;
    if (turn_id !== turnId || !isRecord(one)) continue;
    const words = Object.entries(isRecord(decided) ? decided : {});
    const known = words.flatMap(([id, word]) =>
      word === "keep" || word === "undo" ? [[id, word] as const] : [],
    );
    changed.set(String(one["path"]), Object.fromEntries(known));
  }
  return changed;
}

/** The turns of a chat that have changed files, the newest first. */
export function changingTurns(messages: readonly Message[]): { turnId: string; said: string }[] {
  const ids = new Set(
    messages.flatMap(({ turn_id, metadata }) => (isRecord(metadata.changed) ? [turn_id] : [])),
  );
  return [...ids].toReversed().map((turnId) => {
    const asked = messages.find(({ turn_id, role }) => turn_id === turnId && role === "user");
    return { turnId, said: asked?.content.split("\n", 1)[0]?.slice(0, 100) ?? "" };
  });
}

/** Nobody has decided on them yet. */
export function openHunks({ hunks, decided }: TurnFile): Hunk[] {
  return hunks.filter(({ id }) => decided[id] === undefined);
}

export function hunksDecided({ hunks, decided }: TurnFile, as: "keep" | "undo"): Hunk[] {
  return hunks.filter(({ id }) => decided[id] === as);
}

/** Stores a person's word on some places; the same again changes nothing. */
export async function storeDecision(
  { client }: Pick<ChangesApp, "client">,
  file: TurnFile,
  decision: "keep" | "undo" | "open",
  hunks: readonly Hunk[],
): Promise<void> {
  if (hunks.length === 0) return;
  const ids = hunks.map(({ id }) => id);
  const decided: Record<string, string> = { ...file.decided };
  for (const id of ids) decided[id] = decision;
  const left = file.hunks.filter(({ id }) => decided[id] !== "undo");
  const lines = (side: "before" | "after"): number =>
    left.reduce((sum, { [side]: { from, to } }) => sum + to - from, 0);
  const isOpen = ({ id }: Hunk): boolean => (decided[id] ?? "open") === "open";
  await client.post(true, file.sessionId, `turns/${file.turnId}/changes`, {
    path: file.name,
    decision,
    hunks: ids,
    open: file.hunks.filter(isOpen).length,
    added: lines("after"),
    removed: lines("before"),
  });
}
