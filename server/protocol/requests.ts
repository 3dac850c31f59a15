import * as z from "zod/mini";
import { RuleText } from "./approvals.ts";
import { Attachment, AttachmentRef, MAX_ATTACHMENTS } from "./attachments.ts";
import { ChangedFile, CommandChanges } from "./changes.ts";
import { AgentType, ForeignId, Id, ModelId, Text } from "./fields.ts";
import { OfferedInstructions } from "./instructions.ts";
import {
  ClientId,
  CompanionTools,
  Environment,
  OfferedAgents,
  OfferedTools,
  Workspace,
} from "./offers.ts";

export const Title = Text.check(z.trim(), z.minLength(1), z.maxLength(200));

export const CONTEXT_TYPES = [
  "file",
  "selection",
  "problems",
  "terminal",
  "git",
  "symbol",
  "text",
  "folder",
  "commit",
  "url",
  "chat",
] as const;

/** A piece of the editor, a page or a chat that goes with a message, as it was when chosen. */
export const ContextItem = z.strictObject({
  type: z.enum(CONTEXT_TYPES),
  label: Text.check(z.maxLength(500)),
  content: Text,
  uri: z.optional(Text.check(z.maxLength(2000))),
});
export type ContextItem = z.infer<typeof ContextItem>;

const UserMessage = z.strictObject({
  type: z.literal("user_message"),
  content: Text,
  context: z.optional(z.array(ContextItem).check(z.maxLength(50))),
  attachments: z.optional(z.array(Attachment).check(z.maxLength(MAX_ATTACHMENTS))),
  /** Retry and edit: this turn and all after it leave the conversation (they stay in the log). */
  replaces_turn_id: z.optional(Id),
  /** A plan whose turn was interrupted goes on where it was. */
  resume_plan_id: z.optional(Id),
});

const ToolResult = z.strictObject({
  type: z.literal("tool_result"),
  call_id: ForeignId,
  result: z.optional(z.unknown()),
  error: z.optional(Text),
  /** What the turn has made of the file that this call has changed. */
  changed: z.optional(ChangedFile),
  changed_by_command: z.optional(CommandChanges),
});

const ToolDecision = z.strictObject({
  type: z.literal("tool_decision"),
  call_id: ForeignId,
  decision: z.enum(["approve", "edit", "reject"]),
  modified_arguments: z.optional(z.record(z.string(), z.unknown())),
  feedback: z.optional(Text),
  /**
   * The same tool need not ask again in this session; or calls that this rule fits, in this
   * workspace.
   */
  remember: z.optional(z.union([z.literal("session"), RuleText])),
});

const SwitchAgent = z.strictObject({
  type: z.literal("switch_agent"),
  agent_type: AgentType,
  reason: z.optional(Text.check(z.maxLength(500))),
});

export const ClientMessage = z.discriminatedUnion("type", [
  UserMessage,
  ToolResult,
  ToolDecision,
  SwitchAgent,
]);
export type ClientMessage = z.infer<typeof ClientMessage>;

/** Of one chat. */
export const MAX_QUEUED = 20;

/**
 * What becomes of a message that comes while an answer runs or waits. `queue`: it is sent when
 * that has ended. `steer`: the model reads it at its next step.
 */
export const WHEN_BUSY = ["queue", "steer"] as const;
export type WhenBusy = (typeof WHEN_BUSY)[number];

/** Body of `PATCH /v1/sessions/{id}/queue/{message_id}`. `version`: of what was changed. */
export const ChangeQueuedRequest = z.strictObject({
  version: z.int().check(z.positive()),
  content: Text,
});
export type ChangeQueuedRequest = z.infer<typeof ChangeQueuedRequest>;

/** What was taken back: all that is needed to write it on. */
export const TakenBack = z.object({
  content: z.string(),
  context: z.optional(z.array(ContextItem)),
  attachments: z.optional(z.array(AttachmentRef)),
});
export type TakenBack = z.infer<typeof TakenBack>;

/** Fields that say what a client brings along; they mean something with a `user_message` only. */
const OFFER_FIELDS = [
  "tools",
  "companion_tools",
  "agents",
  "environment",
  "instructions",
  "workspace",
  "workspace_trusted",
] as const;

/** Body of `POST /v1/messages/stream`. */
export const MessageRequest = z
  .strictObject({
    session_id: z.optional(Id),
    request_id: z.optional(ForeignId),
    agent_type: z.optional(AgentType),
    model: z.optional(ModelId),
    /** What the sending client can run. */
    tools: z.optional(OfferedTools),
    /** Those of the companion's own that the model may use. */
    companion_tools: z.optional(CompanionTools),
    /** The user's own agents. */
    agents: z.optional(OfferedAgents),
    environment: z.optional(Environment),
    /** What people have written down for the model. */
    instructions: z.optional(OfferedInstructions),
    /** Who sends: the client that will run the tools, or that decides. */
    client_id: z.optional(ClientId),
    /** Where the tools work; opaque. */
    workspace: z.optional(Workspace),
    /** With `false` nothing is allowed without asking, and what writes or executes is denied. */
    workspace_trusted: z.optional(z.boolean()),
    /** What becomes of a `user_message` while an answer runs; without it that is refused. */
    when_busy: z.optional(z.enum(WHEN_BUSY)),
    message: ClientMessage,
  })
  .check(
    z.refine(
      ({ message }) =>
        message.type !== "user_message" ||
        message.content !== "" ||
        (message.attachments?.length ?? 0) > 0,
      { error: "needs text, or something attached", path: ["message", "content"] },
    ),
    z.refine(
      (body) =>
        body.message.type === "user_message" ||
        OFFER_FIELDS.every((field) => body[field] === undefined),
      { error: `${OFFER_FIELDS.join(", ")} belong to a user_message` },
    ),
    z.refine(
      ({ when_busy, session_id, request_id, message }) =>
        when_busy === undefined ||
        (message.type === "user_message" &&
          message.replaces_turn_id === undefined &&
          message.resume_plan_id === undefined &&
          (session_id === undefined || request_id !== undefined)),
      {
        path: ["when_busy"],
        error: "goes with a request_id and a user_message that replaces and resumes nothing",
      },
    ),
    z.refine(
      ({ instructions = [], workspace_trusted }) =>
        workspace_trusted !== false || instructions.every(({ from }) => from !== "workspace"),
      { path: ["instructions"], error: "none may come from a workspace that is not trusted" },
    ),
  );
export type MessageRequest = z.infer<typeof MessageRequest>;

export const CreateSessionRequest = z.strictObject({
  title: z.optional(Title),
  agent_type: z.optional(AgentType),
  model: z.optional(ModelId),
});
export type CreateSessionRequest = z.infer<typeof CreateSessionRequest>;

export const UpdateSessionRequest = z
  .strictObject({
    title: z.optional(Title),
    agent_type: z.optional(AgentType),
    model: z.optional(ModelId),
    pinned: z.optional(z.boolean()),
    archived: z.optional(z.boolean()),
  })
  .check(
    z.refine((body) => Object.keys(body).length > 0, { error: "must change at least one field" }),
  );
export type UpdateSessionRequest = z.infer<typeof UpdateSessionRequest>;

/**
 * Body of `PUT /v1/keys/{provider}`: held in the companion's memory only. A local server may need
 * no key, just its address.
 */
export const KeyRequest = z
  .strictObject({
    key: z.optional(z.string().check(z.minLength(1), z.maxLength(4096), z.regex(/^[\x21-\x7e]+$/))),
    base_url: z.optional(z.url({ protocol: /^https?$/ })),
  })
  .check(
    z.refine((body) => body.key !== undefined || body.base_url !== undefined, {
      error: "must hold a key or a base_url",
    }),
  );
export type KeyRequest = z.infer<typeof KeyRequest>;

/** Body of `POST /v1/pages`. */
export const PageRequest = z.strictObject({ url: Text.check(z.minLength(1), z.maxLength(2_000)) });

/** How long running answers get to finish when a newer companion waits to take over. */
export const DRAIN_SECONDS = 60;
