import { Fragment } from "preact";
import { HIDDEN_CLASS, splitHidden } from "../../markdown/syntax/hidden-characters.ts";
import { split } from "../../state/attached.ts";
import type { AppState, Decision, Outgoing } from "../../state/model.ts";
import { ownPrompt, shownQuestion } from "../../strings/own-prompts.ts";
import { said } from "../../strings/said.ts";
import {
  answerText,
  isOpen,
  type Part,
  type Question,
  type SaidPart,
  type Turn,
} from "../../turns/model.ts";
import type { Plan } from "../../turns/plans.ts";
import { Attachments } from "../base/attachments.ts";
import { useSurroundings } from "../base/context.ts";
import { Icon, IconButton } from "../base/icon.tsx";
import { later } from "../base/later.tsx";
import { memo } from "../base/memo.ts";
import { PartView } from "./parts.tsx";
import { TurnEnd } from "./turn-end.tsx";
import type { VersionSwitchProps } from "./version-switch.tsx";

const SentChips = later(async () => (await import("./sent-chips.tsx")).SentChips);
const VersionSwitch = later(async () => (await import("./version-switch.tsx")).VersionSwitch);
const SentInstructions = later(async () =>
  (await import("./sent-instructions.tsx")).loadSentInstructions(),
);
const TurnChanges = later(async () => (await import("./turn-changes.tsx")).loadTurnChanges());

interface TurnProps {
  turn: Turn;
  /** A link has led here. */
  isFound: boolean;
  isLast: boolean;
  /** Nothing runs, so the turn may be asked again. */
  isIdle: boolean;
  /** It is another message of the turn before it, which is rewritten as a whole. */
  isAdded: boolean;
  /** Undefined where there is but one. */
  versions: readonly string[] | undefined;
  canSwitch: boolean;
  hold: VersionSwitchProps["hold"];
  stopping: boolean;
  /** The companion cannot be heard. */
  isCut: boolean;
  decisions: Readonly<Record<string, Decision>>;
  calls: AppState["calls"];
  agentName: (type: string) => string;
  /** Of this chat, begun and not done; for the last turn. */
  plan: Plan | undefined;
}

export const TurnView = memo((props: TurnProps) => {
  const { turn, isFound, isIdle, isAdded, versions, decisions, calls, agentName } = props;
  const { actions, text } = useSurroundings();
  const open = isOpen(turn);
  return (
    <div class={isFound ? "turn is-found" : "turn"} data-status={turn.status}>
      {turn.question && (
        <QuestionView turnId={turn.id} question={turn.question}>
          {!open && actions.run && (
            <IconButton
              icon="discard"
              label={text.restoreTurn}
              class="quiet"
              onClick={() => actions.run?.("restore_checkpoint", { turn_id: turn.id })}
            />
          )}
          {isIdle && !isAdded && (
            <IconButton
              icon="edit"
              label={text.editMessage}
              class="quiet"
              onClick={() => actions.edit(turn.id)}
            />
          )}
        </QuestionView>
      )}
      {versions && <VersionSwitch {...props} turnId={turn.id} versions={versions} />}
      {piecesOf(turn).map(({ said, parts }, index, pieces) => (
        <Fragment key={said?.from ?? 0}>
          {said && <QuestionView question={said.question} />}
          <article class="message answer" tabIndex={-1}>
            <h3 class="visually-hidden">
              {turn.agent === null ? text.answer : text.answerBy(agentName(turn.agent))}
            </h3>
            {parts.map((part) => (
              <PartView
                key={`${part.kind}-${part.from}`}
                part={part}
                isFinal={turn.status !== "running" || part !== turn.parts.at(-1)}
                isOpen={open}
                written={part.kind === "tool" ? calls[part.callId] : undefined}
                decision={part.kind === "tool" ? decisions[part.callId] : undefined}
                agentName={agentName}
              />
            ))}
            {index === pieces.length - 1 && (
              <>
                {(turn.changes || turn.byCommands) && <TurnChanges turn={turn} isIdle={!open} />}
                <TurnEnd {...props} answer={answerText(turn)} />
              </>
            )}
          </article>
        </Fragment>
      ))}
    </div>
  );
});

interface Piece {
  /** What a person said before it, while the answer ran. */
  said: SaidPart | undefined;
  parts: Part[];
}

function piecesOf({ parts }: Turn): Piece[] {
  const pieces: Piece[] = [{ said: undefined, parts: [] }];
  for (const part of parts) {
    if (part.kind === "said") pieces.push({ said: part, parts: [] });
    else pieces.at(-1)?.parts.push(part);
  }
  return pieces;
}

interface QuestionProps {
  /** Of a message that is stored. */
  turnId?: string;
  question: Question;
  state?: preact.ComponentChildren;
  children?: preact.ComponentChildren;
}

function QuestionView({ turnId, question, state, children }: QuestionProps) {
  const { text } = useSurroundings();
  return (
    <article class="message question" tabIndex={-1}>
      <h3 class="visually-hidden">{text.you}</h3>
      <div class="question-box">
        {question.attachments.length > 0 && <Attachments items={question.attachments} />}
        {question.context.length > 0 && <SentChips turnId={turnId} context={question.context} />}
        <div class="question-text">
          {ownPrompt(question.text) !== undefined && <Icon name="play" />}
          {splitHidden(shownQuestion(question.text, text), "prose").map((run) =>
            run.hidden ? <span class={HIDDEN_CLASS}>{run.text}</span> : run.text,
          )}
        </div>
        {question.instructions && <SentInstructions sent={question.instructions} />}
      </div>
      <div class="question-actions">{children}</div>
      {state}
    </article>
  );
}

/** A message that is not stored yet, and says so. */
export function OutgoingView({ outgoing }: { outgoing: Outgoing }) {
  const { actions, text } = useSurroundings();
  const { content, context, state } = outgoing;
  const error = outgoing.error && said(outgoing.error);
  return (
    <div class="turn" data-status={state}>
      <QuestionView
        question={{
          text: content,
          ...split(context),
          resumesPlanId: outgoing.resume_plan_id ?? null,
        }}
        state={
          <div class="outgoing-state" data-state={state}>
            {state === "sending" && (
              <span class="status-line">
                <Icon name="loading" spin />
                {text.sending}
              </span>
            )}
            {state === "held" && (
              <div class="ending">
                <span class="status-line">
                  <Icon name="disconnect" />
                  {actions.isLockedOut() ? text.noTokenDetail : text.held}
                </span>
                <button type="button" class="button is-secondary" onClick={actions.dropUnsent}>
                  {text.backToDraft}
                </button>
              </div>
            )}
            {state === "refused" && (
              <div class="failure" role="alert">
                <p class="failure-title">
                  <Icon name="error" />
                  {text.notSent}
                </p>
                <p>{error?.message}</p>
                {error?.hint !== undefined && <p class="muted">{error.hint}</p>}
                <div class="button-row">
                  <button type="button" class="button" onClick={actions.sending.resume}>
                    {text.tryAgain}
                  </button>
                  {error?.code === "key_missing" && actions.keys && (
                    <button
                      type="button"
                      class="button is-secondary"
                      onClick={() => actions.askKey("")}
                    >
                      {text.setKey}
                    </button>
                  )}
                  <button type="button" class="button is-secondary" onClick={actions.dropUnsent}>
                    {text.backToDraft}
                  </button>
                </div>
              </div>
            )}
          </div>
        }
      />
    </div>
  );
}
