// What a session is on the screen, made of its chunks.

import type { AllowedBy } from "../../server/protocol/approvals.ts";
import type { AttachmentRef } from "../../server/protocol/attachments.ts";
import type { AskReason, CallOutcome } from "../../server/protocol/call-words.ts";
import type { CommandChanges } from "../../server/protocol/changes.ts";
import type { SentInstruction } from "../../server/protocol/instructions.ts";
import type { TurnStatus } from "../../server/protocol/responses.ts";
import type { Branch } from "../../server/shared/versions.ts";
import type { Plan } from "./plans.ts";
import type { Summary } from "./summaries.ts";

/** `from` and `to` are the first and last `seq` that a part was made of. */
interface Span {
  from: number;
  to: number;
}

export interface TextPart extends Span {
  kind: "text" | "reasoning";
  text: string;
}

export interface ToolPart extends Span {
  kind: "tool";
  callId: string;
  name: string;
  arguments: Record<string, unknown>;
  waitsFor: "tool_decision" | "tool_result" | null;
  /** What the tool does to the world, if anybody knows. */
  does: string | null;
  /** Why it asks, if it does and anybody knows. */
  because: AskReason | null;
  /** What a person had said about it before; null where it asked, or never had to. */
  allowedBy: AllowedBy | null;
  /** Of a call that proposes one. */
  plan: Plan | null;
  /** What it has said while it ran. */
  output: ToolOutput;
  result: string | null;
  error: string | null;
  /** Why it has an error that is not its own. */
  outcome: CallOutcome | null;
}

export interface AgentPart extends Span {
  kind: "agent";
  agent: string;
  reason: string;
}

/** A subtask of a plan begins. */
export interface StepPart extends Span {
  kind: "step";
  title: string;
}

/** What a person added while the answer ran, and the model has read. */
export interface SaidPart extends Span {
  kind: "said";
  question: Question;
}

export type Part = TextPart | ToolPart | AgentPart | StepPart | SaidPart;

export interface Question {
  text: string;
  context: readonly { type: string; label: string }[];
  attachments: readonly AttachmentRef[];
  /** What the model was told of people's instructions. */
  instructions?: readonly SentInstruction[] | undefined;
  /** It asked to go on with an interrupted plan. */
  resumesPlanId: string | null;
}

/** How a turn ended; which fields say something depends on the turn's status. */
export interface TurnEnd {
  /** Of the chunk that says so. */
  seq: number;
  code: string | null;
  message: string;
  hint: string | null;
  retryable: boolean;
  retryAfterSeconds: number | null;
  elapsedMs: number | null;
  outputTokens: number | null;
}

/** What a turn has made of a file, and how much of it was decided. */
export interface TurnChange {
  path: string;
  isNew: boolean;
  added: number;
  removed: number;
  /** How many places; null: nothing yet. */
  decided: { kept: number; undone: number; open: number } | null;
}

export interface Turn {
  id: string;
  from: number;
  question: Question | null;
  model: string | null;
  agent: string | null;
  /** Who is asked next: not who answered here where the orchestrator or a plan chose for once. */
  nextAgent: string | null;
  parts: readonly Part[];
  changes?: readonly TurnChange[];
  /** What its commands have left in files, one after the other. */
  byCommands?: readonly CommandChanges[];
  /** Its companion died, and another one had the answer continued. */
  isContinued?: boolean;
  status: TurnStatus;
  ending: TurnEnd | null;
  /** What the whole conversation measured when that was last known. */
  contextTokens: number | null;
}

export interface SessionLog {
  id: string;
  /** The `seq` up to which everything has been taken. */
  cursor: number;
  /** Something is missing after the cursor; nothing more is taken until it comes. */
  gap: boolean;
  turns: readonly Turn[];
  /** Versions of them that are not shown. */
  others: readonly Branch<Turn>[];
  /** Those not taken back; the newest one whose turn is there counts. */
  summaries: readonly Summary[];
  /** Names of the tools that need not ask in this session. */
  granted: readonly string[];
  /** What the newest `session_info` said, and its `seq`. */
  info: { seq: number; title: string | null; model: string | null; agent: string | null };
  /** Ids of sent messages that have come back as chunks, newest last. */
  arrived: readonly string[];
  /** While a log that went back is read again. */
  before: Before | null;
  gone: Gone | null;
}

export function emptyLog(id: string): SessionLog {
  return {
    id,
    cursor: 0,
    gap: false,
    turns: [],
    others: [],
    summaries: [],
    granted: [],
    info: { seq: 0, title: null, model: null, agent: null },
    arrived: [],
    before: null,
    gone: null,
  };
}

/** The whole answer as the model wrote it. */
export function answerText(turn: Turn): string {
  return turn.parts
    .filter((part): part is TextPart => part.kind === "text")
    .map(({ text }) => text)
    .join("\n\n");
}

export function isOpen(turn: Turn | undefined): boolean {
  return turn?.status === "running" || turn?.status === "waiting";
}

/** What was shown, until all is here that the log still has. */
export interface Before {
  turns: readonly Turn[];
  cursor: number;
  /** Up to here both logs are the same, as far as that is known. */
  same: number;
  /** The end of the log as it is now. */
  until: number;
}

/** Words that a reader has seen and the log does not have. */
export interface Gone {
  /** How many chunks they were. */
  count: number;
  turns: readonly Turn[];
  /** The last turn that the log had when it went back; null: none. */
  afterTurnId: string | null;
}

export interface ToolOutput {
  /**
   * Those that follow each other in the log are one; between others are chunks of something else.
   */
  pieces: readonly { from: number; to: number; text: string }[];
  /** More was said than is kept; it stands in the terminal. */
  isCut: boolean;
}
