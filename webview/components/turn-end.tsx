import type { Strings } from "../strings/strings.ts";
import type { Plan } from "../turns/plans.ts";
import type { Turn } from "../turns/turns.ts";
import { useSurroundings } from "./context.ts";
import { Icon, IconButton } from "./icon.tsx";

interface TurnEndProps {
  turn: Turn;
  answer: string;
  isLast: boolean;
  isIdle: boolean;
  stopping: boolean;
  /** Of this chat, begun and not done. */
  plan: Plan | undefined;
}

/** How it stands with an answer, and what can be done about it. One line high in every state that is well, so that nothing jumps. */
export function TurnEnd({ turn, answer, isLast, isIdle, stopping, plan }: TurnEndProps) {
  const { text } = useSurroundings();
  switch (turn.status) {
    case "running":
      return (
        <p class="status-line is-live">
          <span class="pulse" />
          {stopping ? text.stopping : text.writing}
        </p>
      );
    case "waiting":
      return null;
    case "done":
      return turn.question === null ? null : (
        <div class="status-row">
          <p class="status-line" title={text.savedDetail}>
            <Icon name="check" />
            <span>{[text.saved, ...factsOf(turn, text)].join(" · ")}</span>
          </p>
          <TurnActions turn={turn} answer={answer} canRetry={isLast && isIdle} />
        </div>
      );
    case "interrupted":
      return <Interrupted turn={turn} answer={answer} canAct={isLast && isIdle} plan={plan} />;
    case "error":
      return <Failed turn={turn} answer={answer} canAct={isLast && isIdle} plan={plan} />;
  }
}

function factsOf({ model, ending }: Turn, text: Strings): string[] {
  const facts = model === null ? [] : [model];
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
    </div>
  );
}

interface StoppedProps {
  turn: Turn;
  answer: string;
  canAct: boolean;
  plan: Plan | undefined;
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

function Interrupted({ turn, answer, canAct, plan }: StoppedProps) {
  const { actions, text } = useSurroundings();
  return (
    <div class="ending">
      <p class="status-line">
        <Icon name="stop" />
        {turn.ending?.message || text.interrupted}
      </p>
      {canAct && (
        <div class="button-row">
          <ResumePlan plan={plan} />
          {answer !== "" && !plan && (
            <button type="button" class="button" onClick={actions.sending.continueAnswer}>
              <Icon name="play" />
              {text.continue}
            </button>
          )}
          <button
            type="button"
            class="button is-secondary"
            onClick={() => actions.sending.retry(turn.id)}
          >
            <Icon name="refresh" />
            {text.retry}
          </button>
        </div>
      )}
    </div>
  );
}

const NEEDS_KEY = ["key_missing", "upstream_unauthorized"];

function Failed({ turn, answer, canAct, plan }: StoppedProps) {
  const { actions, text } = useSurroundings();
  const { ending } = turn;
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
        <p class="status-line">
          <Icon name="check" />
          {text.savedPart}
        </p>
      )}
      {canAct && (
        <div class="button-row">
          <ResumePlan plan={plan} />
          <button type="button" class="button" onClick={() => actions.sending.retry(turn.id)}>
            <Icon name="refresh" />
            {text.retry}
          </button>
          {needsKey && actions.run && (
            <button
              type="button"
              class="button is-secondary"
              onClick={() => actions.run?.("set_key")}
            >
              {text.setKey}
            </button>
          )}
          {actions.run && (
            <button
              type="button"
              class="button is-secondary"
              onClick={() => actions.run?.("show_log")}
            >
              {text.showLog}
            </button>
          )}
        </div>
      )}
    </div>
  );
}
