import type { CompanionTool, Environment, OfferedAgent, OfferedTool } from "../protocol/offers.ts";

/** What a client brought along with a message; the same for all steps of its turn. */
export interface Offer {
  tools: readonly OfferedTool[];
  agents: readonly OfferedAgent[];
  /** Of the companion's own; absent in what was stored before there were any. */
  companion?: readonly CompanionTool[] | undefined;
  environment?: Environment | undefined;
  /** `false`: nothing runs without asking, and nothing that writes or executes runs at all. */
  trusted: boolean;
}

export const NO_OFFER: Offer = { tools: [], agents: [], trusted: true };

export function isEmptyOffer({ tools, agents, companion, environment, trusted }: Offer): boolean {
  const hasTools = tools.length > 0 || agents.length > 0 || companion !== undefined;
  return !hasTools && environment === undefined && trusted;
}
