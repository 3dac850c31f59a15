import { useRef } from "preact/hooks";
import { loadStyle } from "../../load-style.ts";
import type { CallDraft } from "../../messages.ts";
import type { Decision } from "../../state/model.ts";
import type { Strings } from "../../strings/texts.ts";
import type { AgentPart, Part, TextPart, ToolPart } from "../../turns/model.ts";
import type { Plan } from "../../turns/plans.ts";
import { outputText } from "../../turns/tool-output.ts";
import { briefOf, titleOf } from "../base/call-words.ts";
import { useSurroundings } from "../base/context.ts";
import { Icon } from "../base/icon.tsx";
import { later } from "../base/later.tsx";
import { MarkdownText } from "../base/markdown-text.tsx";
import { memo } from "../base/memo.ts";
import { Shown } from "../base/shown.tsx";

const OutputBox = later(async () => (await import("../calls/output-box.tsx")).OutputBox);
const ToolDecision = later(async () => {
  const [loaded] = await Promise.all([
    import("../calls/tool-decision.tsx"),
    loadStyle("decision.css"),
  ]);
  return loaded.ToolDecision;
});

interface PartProps {
  part: Part;
  /** Nothing will be added to it. */
  isFinal: boolean;
  /** The turn goes on, so what has no result yet may still get one. */
  isOpen: boolean;
  decision: Decision | undefined;
  written: CallDraft | undefined;
  agentName: (type: string) => string;
}

export const PartView = memo((props: PartProps) => {
  const { part, isFinal, agentName } = props;
  switch (part.kind) {
    case "text":
      return <MarkdownText text={part.text} isFinal={isFinal} />;
    case "reasoning":
      return <Reasoning part={part} isFinal={isFinal} />;
    case "tool":
      return <ToolRow {...props} part={part} />;
    case "agent":
      return <AgentRow part={part} agentName={agentName} />;
    case "said":
      // Between the parts of an answer, not in one (turn.tsx).
      return null;
    case "step":
      return (
        <p class="agent-row">
          <Shown text={part.title} where="prose" />
        </p>
      );
  }
});

function Reasoning({ part, isFinal }: { part: TextPart; isFinal: boolean }) {
  const { text } = useSurroundings();
  return (
    <details class="fold">
      <summary>
        <Icon name="thinking" />
        <span>{isFinal ? text.reasoning : text.reasoningNow}</span>
      </summary>
      <div class="fold-body reasoning">
        <Shown text={part.text} where="prose" />
      </div>
    </details>
  );
}

function AgentRow({ part, agentName }: { part: AgentPart; agentName: (type: string) => string }) {
  const { text } = useSurroundings();
  return (
    <p class="agent-row">
      <span>{text.agentNow(agentName(part.agent))}</span>
      {part.reason !== "" && <span class="muted"> · {part.reason}</span>}
    </p>
  );
}

interface ToolRowProps {
  part: ToolPart;
  isOpen: boolean;
  decision: Decision | undefined;
  written: CallDraft | undefined;
  agentName: (type: string) => string;
}

function ToolRow({ part, isOpen, decision, written, agentName }: ToolRowProps) {
  const { text } = useSurroundings();
  const asks = part.waitsFor === "tool_decision";
  const state = part.plan ? planStateOf(part.plan, part, isOpen) : stateOf(part, isOpen);
  const brief = briefOf(part);
  const hasOutput = part.output.pieces.length > 0;
  // Whoever watches it finds the result where the output was; without one
  // the output is all there is.
  const isWatched = useRef(false);
  isWatched.current ||= hasOutput && part.result === null;
  return (
    <div class={asks ? "tool is-asking" : "tool"} data-state={state}>
      <details class="fold" open={asks || part.plan !== null || isWatched.current}>
        <summary>
          <Icon {...iconOf(state)} />
          <span class="tool-name">{titleOf(part, asks, { text, agentName })}</span>
          {brief && !asks && (
            <span class="tool-brief" title={brief.full}>
              {brief.line}
            </span>
          )}
          <span class="muted">{text.toolState[state]}</span>
        </summary>
        <div class="fold-body">
          {part.plan && <PlanList plan={part.plan} agentName={agentName} />}
          {!part.plan && !asks && (
            <Shown label={text.toolArguments} text={JSON.stringify(part.arguments, null, 2)} />
          )}
          {hasOutput && (
            <OutputBox
              label={part.result === null ? text.toolOutput : text.toolResult}
              text={part.result ?? outputText(part.output)}
              note={part.result === null && part.output.isCut ? text.toolOutputCut : undefined}
            />
          )}
          {part.error === null && part.result !== null && !part.plan && !hasOutput && (
            <Shown label={text.toolResult} text={part.result} />
          )}
          {part.error !== null && <Shown label={text.toolResult} text={part.error} />}
        </div>
      </details>
      {part.allowedBy?.rules && (
        <p class="asks-because">
          <Shown
            text={text.allowedByRule(
              part.allowedBy.rules.map(({ pattern }) => `\`${pattern}\``).join(", "),
            )}
            where="prose"
          />
        </p>
      )}
      {asks && part.because && <p class="asks-because">{text.asksBecause[part.because]}</p>}
      {asks && (
        <ToolDecision part={part} decision={decision} written={written} agentName={agentName} />
      )}
    </div>
  );
}

function PlanList({ plan, agentName }: { plan: Plan; agentName: (type: string) => string }) {
  const { text } = useSurroundings();
  return (
    <>
      <p>
        <Shown text={plan.summary} where="prose" />
      </p>
      <ol class="plan">
        {plan.subtasks.map(({ title, agent, state }) => (
          <li data-state={state} aria-current={state === "running" ? "step" : undefined}>
            <Icon {...SUBTASK_ICONS[state]} />
            <span>
              <Shown text={title} where="prose" />
              <span class="muted"> · {agentName(agent)}</span>
              <span class="visually-hidden"> {text.subtaskState[state]}</span>
            </span>
          </li>
        ))}
      </ol>
    </>
  );
}

const SUBTASK_ICONS = {
  pending: { name: "circle" },
  running: { name: "loading", spin: true },
  done: { name: "check" },
} as const;

type ToolState = keyof Strings["toolState"];

function stateOf(part: ToolPart, isOpen: boolean): ToolState {
  if (part.error !== null) return part.outcome ?? "failed";
  if (part.result !== null) return "done";
  if (part.waitsFor === "tool_decision") return "asks";
  return isOpen ? "runs" : "closed";
}

/** Of the plan itself, which goes on after its call was answered. */
function planStateOf(plan: Plan, part: ToolPart, isOpen: boolean): ToolState {
  if (plan.state !== "proposed") return plan.state;
  return part.waitsFor === "tool_decision" ? "asks" : isOpen ? "runs" : "closed";
}

function iconOf(state: ToolState): {
  name: "tools" | "loading" | "check" | "error" | "no" | "stop" | "question";
  spin?: boolean;
} {
  switch (state) {
    case "runs":
      return { name: "loading", spin: true };
    case "done":
      return { name: "check" };
    case "failed":
      return { name: "error" };
    case "rejected":
    case "denied":
      return { name: "no" };
    case "stopped":
      return { name: "stop" };
    case "asks":
      return { name: "question" };
    default:
      return { name: "tools" };
  }
}
