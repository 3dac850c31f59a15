import type { Environment, OfferedAgent, OfferedTool } from "../protocol/offers.ts";

/** What a client brought along with a message; the same for all steps of its turn. */
export interface Offer {
  tools: readonly OfferedTool[];
  agents: readonly OfferedAgent[];
  environment?: Environment | undefined;
  /** `false`: nothing runs without asking, and nothing that writes or executes runs at all. */
  trusted: boolean;
}

export const NO_OFFER: Offer = { tools: [], agents: [], trusted: true };

export function isEmptyOffer({ tools, agents, environment, trusted }: Offer): boolean {
  return tools.length === 0 && agents.length === 0 && environment === undefined && trusted;
}
