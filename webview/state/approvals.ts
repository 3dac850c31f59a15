// What a person lets run without asking, and takes back.
import type { ApprovalLevel, ApprovalRule } from "../../server/protocol/approvals.ts";
import { asFailure } from "../transport/transport.ts";
import type { SendingDeps } from "./delivery.ts";

export interface Approvals {
  /** What runs in this chat; one that does not exist yet is made. */
  setLevel: (level: ApprovalLevel) => Promise<void>;
  /** Every rule there is; undefined, and told, where they cannot be read. */
  rules: () => Promise<readonly ApprovalRule[] | undefined>;
  /** Calls that this rule fits ask again; undefined, and told, where it could not be said. */
  removeRule: (ruleId: string) => Promise<boolean | undefined>;
}

export function createApprovals(deps: SendingDeps): Approvals {
  const { store, transport, onCreated } = deps;
  const attempt = async <T>(work: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await work();
    } catch (thrown) {
      store.tell(asFailure(thrown).error);
      return undefined;
    }
  };
  const sessionId = async (): Promise<string> => {
    const open = store.get().log?.id;
    if (open !== undefined) return open;
    const made = await transport.call("create_session", {});
    if (store.get().log === null) onCreated(made);
    return made.id;
  };
  return {
    async setLevel(level) {
      await attempt(async () => {
        const wish = { session_id: await sessionId(), changes: { level } };
        const session = await transport.call("set_approval_level", wish);
        store.dispatch({ type: "session_facts", session });
      });
    },
    rules: () => attempt(async () => (await transport.call("list_rules", {})).rules),
    removeRule: (rule_id) =>
      attempt(async () => {
        await transport.call("remove_rule", { rule_id });
        return true;
      }),
  };
}
