// Requests that only the companion parses. Beside the others, so that the extension's
// bundle has not their schemas.
import * as z from "zod/mini";
import { CHANGE_DECISIONS } from "./changes.ts";
import { Id, Text } from "./fields.ts";
import { ClientId } from "./offers.ts";
import { MAX_OUTPUT_PIECE } from "./tool-output.ts";

export const DrainRequest = z.strictObject({
  grace_seconds: z.optional(z.number().check(z.minimum(0), z.maximum(3600))),
});

/** Body of `POST /v1/sessions/{id}/calls/{call_id}/claim`. */
export const ClaimRequest = z.strictObject({ client_id: ClientId });

/** Body of `POST /v1/sessions/{id}/calls/{call_id}/output`. */
export const OutputRequest = z.strictObject({
  client_id: ClientId,
  /** What was sent of this call's output before, in UTF-16 units. */
  offset: z.int().check(z.nonnegative()),
  output: Text.check(z.maxLength(MAX_OUTPUT_PIECE)),
});
export type OutputRequest = z.infer<typeof OutputRequest>;

/** Body of `POST /v1/sessions/{id}/rewind`. */
export const RewindRequest = z.strictObject({ turn_id: Id });

const count = z.int().check(z.nonnegative());

/** Body of `POST /v1/sessions/{id}/turns/{turn_id}/changes`: a person's word on some places. */
export const DecideChangesRequest = z.strictObject({
  path: Text,
  decision: z.enum(CHANGE_DECISIONS),
  /** Which lines of the text before became which after. */
  hunks: z
    .array(z.string().check(z.regex(/^-\d{1,9},\d{1,9}\+\d{1,9},\d{1,9}$/)))
    .check(z.minLength(1), z.maxLength(20_000)),
  /** What is left to decide after that, and what is left of the change. */
  open: count,
  added: count,
  removed: count,
});
export type DecideChangesRequest = z.infer<typeof DecideChangesRequest>;

/**
 * Body of `POST /v1/sessions/{id}/choose_version`. `instead_of`: the version that was seen
 * there; if another one is by now, nothing is done.
 */
export const ChooseVersionRequest = z.strictObject({
  turn_id: Id,
  instead_of: z.optional(Id),
  request_id: z.optional(Id),
});
export type ChooseVersionRequest = z.infer<typeof ChooseVersionRequest>;

export const ListTransactionsQuery = z.object({
  limit: z.optional(z.coerce.number().check(z.int(), z.minimum(1), z.maximum(200))),
  /** Only those over the threshold. */
  slow: z.optional(z.stringbool({ truthy: ["true"], falsy: ["false"] })),
});
export type ListTransactionsQuery = z.infer<typeof ListTransactionsQuery>;

export const EXPORT_FORMATS = ["jsonl", "markdown", "html"] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** Query of `GET /v1/sessions/{id}/export`. Only `jsonl` can be imported again. */
export const ExportQuery = z.object({ format: z.optional(z.enum(EXPORT_FORMATS)) });

/** Query of `POST /v1/import`. `copies`: every chat under new ids, beside what is here. */
export const ImportQuery = z.object({ copies: z.optional(z.enum(["true", "false"])) });

/**
 * Body of `POST /v1/sessions/{id}/fork`. `at_seq`: the last chunk that the new chat
 * has; default: the newest.
 */
export const ForkRequest = z.strictObject({
  at_seq: z.optional(z.int().check(z.positive())),
  request_id: z.optional(Id),
});
export type ForkRequest = z.infer<typeof ForkRequest>;
