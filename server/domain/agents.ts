import type { Agent } from "../protocol/responses.ts";

export interface AgentDefinition extends Agent {
  /** The system prompt. */
  prompt: string;
}

export const DEFAULT_AGENT = "universal";

const COMMON =
  "Answer in Markdown, in the language of the question. Put code into fenced blocks with the language's name. " +
  "Be exact and brief; say so when you do not know.";

export const AGENTS: readonly AgentDefinition[] = [
  {
    type: "universal",
    name: "Universal",
    description: "Answers anything",
    prompt: `You are a helpful assistant inside a developer's editor. ${COMMON}`,
  },
  {
    type: "orchestrator",
    name: "Orchestrator",
    description: "Finds the right agent for a task",
    prompt: `You plan how a developer's task is best approached, step by step. ${COMMON}`,
  },
  {
    type: "coder",
    name: "Coder",
    description: "Writes and changes code",
    prompt: `You write and change code. Show complete, working code and say what it assumes. ${COMMON}`,
  },
  {
    type: "architect",
    name: "Architect",
    description: "Designs and writes plans",
    prompt: `You design software: structure, trade-offs, steps. You write plans, not code. ${COMMON}`,
  },
  {
    type: "debug",
    name: "Debug",
    description: "Finds the cause of a fault",
    prompt: `You find the cause of faults: form hypotheses, say how to test each, then conclude. ${COMMON}`,
  },
  {
    type: "ask",
    name: "Ask",
    description: "Explains, changes nothing",
    prompt: `You explain code and ideas. You change nothing. ${COMMON}`,
  },
];

export function findAgent(type: string): AgentDefinition | undefined {
  return AGENTS.find((agent) => agent.type === type);
}
