import { useEffect, useState } from "preact/hooks";
import { said } from "../../strings/said.ts";
import type { Strings } from "../../strings/texts.ts";
import type { Turn } from "../../turns/model.ts";
import type { Plan } from "../../turns/plans.ts";
import { useSurroundings } from "../base/context.ts";
import { Icon, IconButton } from "../base/icon.tsx";
import { later } from "../base/later.tsx";
import { Secondary } from "../base/secondary.tsx";

const ForkTurn = later(async () => (await import("./fork-turn.tsx")).ForkTurn);

interface TurnEndProps {
  turn: Turn;
  answer: string;
  isLast: boolean;
  isIdle: boolean;
  stopping: boolean;
  /** The companion cannot be heard. */
  isCut: boolean;
  /** Of this chat, begun and not done. */
  plan: Plan | undefined;
}

/**
 * How it stands with an answer, and what can be done about it. One line high in every state that is
 * well, so that nothing jumps.
 */
export function TurnEnd(props: TurnEndProps) {
  const { turn, answer, isLast, isIdle } = props;
  const { text } = useSurroundings();
  switch (turn.status) {
    case "running":
      return <Live {...props} />;
    case "waiting":
      return <TurnActions turn={turn} answer={answer} canRetry={false} />;
    case "done":
      return turn.question === null ? null : (
        <div class="status-row">
          <p class="status-line" title={text.savedDetail}>
            <Icon name="check" />
            <span>{[text.saved, ...factsOf(turn, text)].join(" · ")}</span>
          </p>
          <TurnActions turn={turn} answer={answer} canRetry={isIdle} />
        </div>
      );
    case "interrupted":
      return <Interrupted {...props} canAct={isLast && isIdle} />;
    case "error":
      return <Failed {...props} canAct={isLast && isIdle} />;
  }
}

/** So long without a word is worth one. */
const SILENT_FROM_SECONDS = 5;

function Live({ turn, stopping, isCut }: TurnEndProps) {
  const { text } = useSurroundings();
  const [silent, setSilent] = useState(0);
  useEffect(() => {
    setSilent(0);
    const since = performance.now();
    const timer = setInterval(() => setSilent((performance.now() - since) / 1000), 1000);
    return () => clearInterval(timer);
  }, [turn, isCut]);
  if (isCut) {
    return (
      <p class="status-line is-live">
        <Icon name="disconnect" />
        {text.waitingForCompanion}
      </p>
    );
  }
  const told = silent < SILENT_FROM_SECONDS ? "" : ` · ${text.nothingFor(Math.floor(silent))}`;
  return (
    <p class="status-line is-live">
      <span class="pulse" />
      {(stopping ? text.stopping : turn.isContinued ? text.continued : text.writing) + told}
    </p>
  );
}

function factsOf({ model, ending, isContinued }: Turn, text: Strings): string[] {
  const facts = model === null ? [] : [model];
  if (isContinued) facts.push(text.continued);
  if (ending?.elapsedMs != null) facts.push(text.seconds(ending.elapsedMs / 1000));
  if (ending?.outputTokens != null) facts.push(text.tokens(ending.outputTokens));
  return facts;
}

function TurnActions({
  turn,
  answer,
  canRetry,
}: {
  turn: Turn;
  answer: string;
  canRetry: boolean;
}) {
  const { actions, text } = useSurroundings();
  return (
    <div class="status-actions">
      {answer !== "" && (
        <IconButton icon="copy" label={text.copyAnswer} onClick={() => actions.copy(answer)} />
      )}
      {canRetry && (
        <IconButton
          icon="refresh"
          label={text.retry}
          onClick={() => actions.sending.retry(turn.id)}
        />
      )}
      {turn.ending && <ForkTurn atSeq={turn.ending.seq} />}
    </div>
  );
}

interface StoppedProps extends TurnEndProps {
  canAct: boolean;
}

function ResumePlan({ plan }: { plan: Plan | undefined }) {
  const { actions, text } = useSurroundings();
  if (!plan) return null;
  return (
    <button type="button" class="button" onClick={() => actions.sending.resumePlan(plan.id)}>
      <Icon name="play" />
      {text.resumePlan}
    </button>
  );
}

/** Goes on where it stopped, if there is anything to go on from. */
function Continue({ turn, plan }: { turn: Turn; plan: Plan | undefined }) {
  const { actions, text } = useSurroundings();
  const hasCome = turn.parts.some(
    (part) => part.kind === "tool" || (part.kind === "text" && part.text.trim() !== ""),
  );
  if (plan || !hasCome) return null;
  return (
    <button type="button" class="button" onClick={actions.sending.continueAnswer}>
      <Icon name="play" />
      {text.continue}
    </button>
  );
}

function Interrupted({ turn, answer, isIdle, canAct, plan }: StoppedProps) {
  const { actions, text } = useSurroundings();
  return (
    <div class="ending">
      <div class="status-row">
        <p class="status-line">
          <Icon name="stop" />
          {turn.ending?.message ? said(turn.ending).message : text.interrupted}
        </p>
        <TurnActions turn={turn} answer={answer} canRetry={isIdle && !canAct} />
      </div>
      {canAct && (
        <div class="button-row">
          <ResumePlan plan={plan} />
          <Continue turn={turn} plan={plan} />
          <Secondary onClick={() => actions.sending.retry(turn.id)}>
            <Icon name="refresh" />
            {text.retry}
          </Secondary>
        </div>
      )}
    </div>
  );
}

const NEEDS_KEY = ["key_missing", "upstream_unauthorized"];

function Failed({ turn, answer, isIdle, canAct, plan }: StoppedProps) {
  const { actions, text } = useSurroundings();
  const ending = turn.ending && said(turn.ending);
  const needsKey = NEEDS_KEY.includes(ending?.code ?? "");
  return (
    <div class="failure">
      <p class="failure-title">
        <Icon name="error" />
        {text.failed}
      </p>
      <p>{ending?.message}</p>
      {ending?.hint != null && <p class="muted">{ending.hint}</p>}
      {answer !== "" && (
        <div class="status-row">
          <p class="status-line">
            <Icon name="check" />
            {text.savedPart}
          </p>
          <TurnActions turn={turn} answer={answer} canRetry={isIdle && !canAct} />
        </div>
      )}
      {answer === "" && <TurnActions turn={turn} answer="" canRetry={isIdle && !canAct} />}
      {canAct && (
        <div class="button-row">
          <ResumePlan plan={plan} />
          <Continue turn={turn} plan={plan} />
          <button
            type="button"
            class={answer === "" ? "button" : "button is-secondary"}
            onClick={() => actions.sending.retry(turn.id)}
          >
            <Icon name="refresh" />
            {text.retry}
          </button>
          {needsKey && (
            <Secondary
              onClick={() =>
                actions.run
                  ? actions.run("set_key", turn.model ? { model: turn.model } : {})
                  : actions.askKey(turn.model ?? "")
              }
            >
              {text.setKey}
            </Secondary>
          )}
          {actions.run && (
            <Secondary onClick={() => actions.run?.("show_log")}>{text.showLog}</Secondary>
          )}
        </div>
      )}
    </div>
  );
}
