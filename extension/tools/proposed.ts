// What is known of proposed changes before there is one: `proposals.ts` is loaded with the first.
import type { PendingCall } from "../../server/protocol/responses.ts";

/** The schemes of a diff's sides. */
export const PROPOSED = "streamkeeper-proposed";
export const EMPTY = "streamkeeper-empty";

export const isChange = ({ tool_name }: PendingCall): boolean =>
  tool_name === "write_file" || tool_name === "apply_diff";
