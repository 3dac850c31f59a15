// Answers as servers have been seen to send them, in the vendors' formats: shapes from reports to
// other projects and from the vendors' documentation, in our words.
import type { ErrorCode } from "../../../../server/protocol/errors.ts";
import type { FinishReason, ToolCall, Usage } from "../../../../server/providers/provider.ts";
import type { VendorName } from "../../../../server/providers/vendors.ts";

export interface OddForm {
  vendor: VendorName;
  name: string;
  body: string;
  text?: string;
  reasoning?: string;
  /** Ids that a server did not give are not compared. */
  calls?: (Omit<ToolCall, "call_id"> & { call_id?: string })[];
  reason?: FinishReason;
  usage?: Partial<Usage>;
  /** How many calls came once more and are left out. */
  repeated?: number;
  /** What it fails with, and the server's words of it. */
  error?: ErrorCode;
  says?: string;
}

export type Fields = Record<string, unknown>;
export const data = (value: unknown): string => `data: ${JSON.stringify(value)}\n\n`;
export const DONE = "data: [DONE]\n\n";
export const OSLO = { city: "Oslo" };
export const ROME = { city: "Rome" };
export const weather = (args: Fields, call_id?: string) => ({
  tool_name: "get_weather",
  arguments: args,
  ...(call_id === undefined ? {} : { call_id }),
});
export const ev = (type: string, fields: Fields = {}): string =>
  `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`;
