// What a model may call in one step of a turn.

import { type AgentDefinition, agentsOf, mayUse, ROUTING_AGENT } from "../../domain/agents.ts";
import { companionTools } from "../../domain/companion-tools.ts";
import type { Offer } from "../../domain/offer.ts";
import { SWITCH_TOOL, type Tool, toolsOf } from "../../domain/tools.ts";

export const PLAN_TOOL = "create_plan";

/**
 * Every tool there is in this turn, whoever may use it. Without tools of the client
 * the model is a plain chat.
 */
export function allTools(own: readonly Tool[], offer: Offer): Tool[] {
  const acts = offer.tools.length > 0 || offer.agents.length > 0;
  const ours = [...own, ...companionTools(offer.companion ?? [])];
  return [...toolsOf(ours, offer), ...(acts ? [switchTool(offer), planTool(offer)] : [])];
}

/** The tools this agent is told of; no plan is made inside of a plan. */
export function visibleTools(
  tools: readonly Tool[],
  agent: AgentDefinition,
  { trusted, inPlan }: { trusted: boolean; inPlan: boolean },
): Tool[] {
  return tools.filter(
    (tool) =>
      mayUse(agent, tool) &&
      tool.rule !== "deny" &&
      (trusted || tool.run !== "client" || tool.kind === "read") &&
      !(inPlan && tool.name === PLAN_TOOL),
  );
}

function switchTool(offer: Offer): Tool {
  const others = agentsOf(offer).filter(({ type }) => type !== ROUTING_AGENT);
  const list = others.map(({ type, description }) => `${type}: ${description}`).join("; ");
  return {
    name: SWITCH_TOOL,
    description: `Hands the task over to another agent, which sees the conversation. Agents: ${list}.`,
    parameters: {
      type: "object",
      properties: {
        agent_type: { type: "string", enum: others.map(({ type }) => type) },
        reason: { type: "string", description: "One sentence for the user" },
      },
      required: ["agent_type", "reason"],
      additionalProperties: false,
    },
    kind: "other",
    rule: "allow",
    run: "turn",
  };
}

function planTool(offer: Offer): Tool {
  const types = agentsOf(offer)
    .map(({ type }) => type)
    .filter((type) => type !== ROUTING_AGENT);
  return {
    name: PLAN_TOOL,
    description:
      "Proposes a plan of subtasks. The user approves, changes or rejects it; then each subtask is carried out by its agent, after those it depends on. For work of several steps only.",
    parameters: {
      type: "object",
      properties: {
        summary: { type: "string", description: "What the plan achieves, in one or two sentences" },
        subtasks: {
          type: "array",
          items: {
            type: "object",
            properties: {
              id: { type: "string" },
              title: { type: "string" },
              description: { type: "string", description: "All that its agent needs to know" },
              agent_type: { type: "string", enum: types },
              depends_on: { type: "array", items: { type: "string" } },
            },
            required: ["id", "title"],
            additionalProperties: false,
          },
        },
      },
      required: ["summary", "subtasks"],
      additionalProperties: false,
    },
    kind: "other",
    rule: "ask",
    run: "turn",
  };
}
