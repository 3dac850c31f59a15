// The postMessage contract between the extension host and the web app.
import * as z from "zod/mini";
import { AttachmentHash, AttachmentRef } from "../server/protocol/attachments.ts";
import { CALL_NAMES } from "../server/protocol/calls.ts";
import { StreamChunk } from "../server/protocol/chunks.ts";
import { ForeignId, Id } from "../server/protocol/fields.ts";
import { ContextItem, WHEN_BUSY } from "../server/protocol/requests.ts";
import { LogReset, Queue } from "../server/protocol/stream-events.ts";
import { MAX_SHOWN_LINES } from "../server/shared/line-changes.ts";

/**
 * Commands of the host that the app may ask for; a closed list, because the
 * app shows untrusted text.
 */
export const HOST_COMMANDS = [
  "choose_model",
  "set_key",
  "show_log",
  "show_metrics",
  "show_change",
  "show_changes",
  "decide_changes",
  "restore_checkpoint",
  "restart_server",
  "save_attachment",
  "open_in_editor",
] as const;
export type HostCommand = (typeof HOST_COMMANDS)[number];

/** What a command is about. */
const CommandAbout = {
  /** Of commands that are about one turn. */
  turn_id: z.optional(Id),
  /** Of what a turn has changed: a file, and what becomes of that. */
  path: z.optional(z.string().check(z.maxLength(2000))),
  decision: z.optional(z.enum(["keep", "undo"])),
  /** Of what is attached to a message. */
  session_id: z.optional(Id),
  hash: z.optional(AttachmentHash),
  name: z.optional(z.string().check(z.maxLength(500))),
  /** Whose key is missing. */
  model: z.optional(z.string().check(z.maxLength(500))),
};
export interface CommandAbout {
  turn_id?: string | undefined;
  path?: string | undefined;
  decision?: "keep" | "undo" | undefined;
  session_id?: string | undefined;
  hash?: string | undefined;
  name?: string | undefined;
  model?: string | undefined;
}

/** What the editor can put into a message. */
export const MENTION_KINDS = [
  "file",
  "folder",
  "selection",
  "problems",
  "terminal",
  "git",
  "commit",
  "symbol",
] as const;
export type MentionKind = (typeof MENTION_KINDS)[number];

/** What the host looks for while its name is typed. */
export const FOUND_KINDS = ["file", "folder", "symbol", "commit", "prompt"] as const;
export type FoundKind = (typeof FOUND_KINDS)[number];

/** What was found or chosen; its content is read by the host alone. */
export const Mention = z.strictObject({
  /** A prompt is written out by its name, and not added. */
  kind: z.enum([...MENTION_KINDS, "prompt"]),
  /** Of a file, folder, symbol or prompt; of a commit its hash. */
  name: z.optional(z.string().check(z.maxLength(2000))),
  uri: z.optional(z.string().check(z.maxLength(4000))),
  /** Of a symbol, from 0. */
  line: z.optional(z.int().check(z.nonnegative())),
  /** Of a prompt: what it is for; of a commit: its subject, author and date. */
  detail: z.optional(z.string().check(z.maxLength(300))),
});
export type Mention = z.infer<typeof Mention>;

export const ConnectionState = z.object({
  state: z.enum(["starting", "ready", "away"]),
  /** What happened, what was kept, what to do. */
  message: z.optional(z.string()),
  /** For `away`: `unauthorized` will not mend itself, the others are tried again. */
  reason: z.optional(z.enum(["lost", "unproven", "unauthorized"])),
});
export type ConnectionState = z.infer<typeof ConnectionState>;

const CallError = z.object({
  code: z.string(),
  message: z.string(),
  hint: z.optional(z.string()),
});
export type CallError = z.infer<typeof CallError>;

/** What a call that waits would make of its file. */
export const ProposedChange = z.object({
  is_new: z.boolean(),
  /** As VS Code calls it. */
  encoding: z.string(),
  line_ends: z.enum(["lf", "crlf", "cr", "mixed"]),
  added: z.int(),
  removed: z.int(),
  /** Of the places that change, with lines around them; long ones are cut. */
  lines: z
    .array(
      z.object({
        sign: z.enum(["+", "-", " "]),
        text: z.string(),
        /** Where it is not the file's usual one. */
        end: z.optional(z.enum(["lf", "crlf", "cr", "none"])),
        /** Its number, where lines before it are left out. */
        at: z.optional(z.int()),
      }),
    )
    .check(z.maxLength(MAX_SHOWN_LINES)),
  /** How many more there would be. */
  more: z.int(),
});
export type ProposedChange = z.infer<typeof ProposedChange>;

/** A block of code of an answer, and what a person wants with it. */
const CodeUse = z.strictObject({
  how: z.enum(["insert", "apply", "new_file", "run"]),
  text: z.string(),
  language: z.string(),
  /** All that stands at its fence. */
  info: z.string(),
  /** What is called code just before it. */
  hint: z.string(),
});
export type CodeUse = z.infer<typeof CodeUse>;

/** From the app to the extension host. */
export const FromWebview = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("ready") }),
  z.strictObject({
    type: z.literal("call"),
    id: z.int(),
    name: z.enum(CALL_NAMES),
    params: z.unknown(),
  }),
  z.strictObject({
    type: z.literal("subscribe"),
    subscription: z.int(),
    session_id: Id,
    after: z.int().check(z.nonnegative()),
  }),
  z.strictObject({ type: z.literal("unsubscribe"), subscription: z.int() }),
  /** What the host needs for titles, context keys and restoring the panel. */
  z.strictObject({
    type: z.literal("view_state"),
    session_id: z.nullable(Id),
    title: z.string(),
    streaming: z.boolean(),
  }),
  z.strictObject({ type: z.literal("use_code"), use: CodeUse }),
  z.strictObject({ type: z.literal("copy"), text: z.string() }),
  z.strictObject({ type: z.literal("open_link"), url: z.string() }),
  /** A place in a file that an answer names; whether there is one the host alone can know. */
  z.strictObject({
    type: z.literal("open_file"),
    path: z.string().check(z.maxLength(2000)),
    line: z.int().check(z.nonnegative()),
    column: z.optional(z.int().check(z.nonnegative())),
  }),
  z.strictObject({
    type: z.literal("host_command"),
    command: z.enum(HOST_COMMANDS),
    ...CommandAbout,
  }),
  /** Answered with `proposal`, then and each time that it is another. */
  z.strictObject({ type: z.literal("ask_proposal"), call_id: ForeignId }),
  z.strictObject({
    type: z.literal("find_mentions"),
    id: z.int(),
    kind: z.enum(FOUND_KINDS),
    typed: z.string().check(z.maxLength(200)),
  }),
  /** Answered with `compose`; what cannot be read is told to the user. */
  z.strictObject({
    type: z.literal("add_context"),
    mentions: z.array(Mention).check(z.maxLength(50)),
  }),
]);
export type FromWebview = z.infer<typeof FromWebview>;

/** From the extension host to the app. */
export const ToWebview = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("result"),
    id: z.int(),
    ok: z.literal(true),
    value: z.unknown(),
  }),
  z.object({ type: z.literal("failure"), id: z.int(), error: CallError }),
  /** Chunks in order; several that came together travel together. */
  z.object({
    type: z.literal("chunks"),
    subscription: z.int(),
    chunks: z.array(StreamChunk),
  }),
  /** The log went back: the subscription is over, the session is to be read again. */
  z.object({ type: z.literal("log_reset"), subscription: z.int(), reset: LogReset }),
  /** What waits in the chat, whole. */
  z.object({ type: z.literal("queue"), subscription: z.int(), queue: Queue }),
  /** For how many seconds the database has been away, or its second machine; 0: it is back. */
  z.object({
    type: z.literal("waiting"),
    subscription: z.int(),
    seconds: z.int(),
    second_machine: z.boolean(),
  }),
  /** The subscription cannot go on (the session is gone); it will not be tried again. */
  z.object({ type: z.literal("stream_failed"), subscription: z.int(), error: CallError }),
  z.object({ type: z.literal("connection"), connection: ConnectionState }),
  z.object({
    type: z.literal("do"),
    action: z.enum(["new_chat", "focus_composer", "stop", "show_sessions", "reload_models"]),
  }),
  /** With `turn_id` the reader is led to that turn. */
  z.object({ type: z.literal("open_session"), session_id: Id, turn_id: z.optional(Id) }),
  /** Of a call of the open chat; null where this window has none. */
  z.object({
    type: z.literal("proposal"),
    call_id: z.string(),
    change: z.nullable(ProposedChange),
  }),
  /** Answer to `find_mentions`, best first. */
  z.object({ type: z.literal("mentions"), id: z.int(), found: z.array(Mention) }),
  z.object({
    type: z.literal("compose"),
    text: z.string(),
    context: z.array(ContextItem),
    /** Not where something is written already. */
    if_empty: z.optional(z.boolean()),
  }),
]);
export type ToWebview = z.infer<typeof ToWebview>;

/**
 * What somebody has written about a call that waits: its arguments as they shall be, and why not.
 */
export const CallDraft = z.object({ args: z.nullable(z.string()), feedback: z.string() });
export type CallDraft = z.infer<typeof CallDraft>;

/** A picture or a file on a draft; `label` is its name. */
export const Attached = z.extend(AttachmentRef, { label: z.string(), content: z.literal("") });
export type Attached = z.infer<typeof Attached>;

/** What goes along with a message. */
const Going = z.union([Attached, ContextItem]);
export type Going = z.infer<typeof Going>;

/** What is written in one chat and not sent. */
export const ChatDraft = z.object({
  draft: z.string(),
  context: z.array(Going),
  /** A message that is being rewritten, and what it is to become. */
  edit: z.optional(z.object({ turn_id: z.string(), draft: z.string(), context: z.array(Going) })),
  calls: z.optional(z.record(z.string(), CallDraft)),
});
export type ChatDraft = z.infer<typeof ChatDraft>;

/** All that is sent of a message, so that it is the same one after a reload. */
export const Unsent = z.object({
  request_id: z.string(),
  content: z.string(),
  context: z.array(Going),
  replaces_turn_id: z.optional(z.string()),
  resume_plan_id: z.optional(z.string()),
  when_busy: z.optional(z.enum(WHEN_BUSY)),
  /** As they were chosen then; with others it would be another message under the same id. */
  model: z.optional(z.string()),
  agent_type: z.optional(z.string()),
});
export type Unsent = z.infer<typeof Unsent>;

/**
 * What survives a reload of the webview (`setState`): where the reader was and what is not
 * sent, never what is stored.
 */
export const SavedState = z.object({
  session_id: z.nullable(Id),
  /** By chat; of one that does not exist yet under "". */
  drafts: z.record(z.string(), ChatDraft),
  /**
   * A message that was not yet known to be stored: sent again with the same id, so
   * that it takes effect once.
   */
  unsent: z.optional(Unsent),
});
export type SavedState = z.infer<typeof SavedState>;
