import { ChatError } from "../../errors.ts";

/**
 * For steps that write without the lease: one that runs meanwhile could not tell any more whether
 * its own last commit took effect.
 */
export function refuseWhileRunning(status: string | undefined): void {
  if (status !== "running") return;
  throw new ChatError("session_busy", "This session is answering a message.", {
    hint: "Wait for its end or stop it, then try again.",
    retryAfterSeconds: 1,
  });
}
