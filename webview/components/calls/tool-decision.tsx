import { useEffect, useRef } from "preact/hooks";
import { useLayer } from "../../escape.ts";
import type { CallDraft } from "../../messages.ts";
import type { Decision } from "../../state/model.ts";
import type { ToolPart } from "../../turns/model.ts";
import { argumentsFault, titleOf } from "../base/call-words.ts";
import { useSurroundings } from "../base/context.ts";
import { Icon } from "../base/icon.tsx";
import { Secondary } from "../base/secondary.tsx";
import { focusComposer } from "../composer/focus-composer.ts";
import { approvalStrings } from "./approval-strings.ts";
import { CallForPeople, Dangers } from "./call-for-people.tsx";
import { MakeRule } from "./make-rule.tsx";

interface ToolDecisionProps {
  part: ToolPart;
  decision: Decision | undefined;
  written: CallDraft | undefined;
  agentName: (type: string) => string;
}

/** What a person has to say to a call that waits for them. */
export function ToolDecision({ part, decision, written, agentName }: ToolDecisionProps) {
  const { actions, text } = useSurroundings();
  const words = approvalStrings();
  const { callId, plan, does } = part;
  // The arguments as the person writes them, while they do.
  const { args: draft, feedback } = written ?? { args: null, feedback: "" };
  const setDraft = (args: string | null): void => actions.writeCall(callId, { args });
  const isDecided = decision !== undefined;
  const fault = draft === null ? undefined : argumentsFault(draft, text);
  const faultId = `fault-${callId}`;
  const edit = useRef<HTMLButtonElement>(null);
  const form = useRef<HTMLFormElement>(null);
  useLayer(form, "field", focusComposer);
  // As they stand in the fields: the last keys may not have been rendered yet.
  const why = (): string => form.current?.querySelector("input")?.value ?? feedback;
  const approveEdited = (): void => {
    const args = form.current?.querySelector("textarea")?.value ?? "";
    if (argumentsFault(args, text) === undefined) decide("edit", { args: JSON.parse(args) });
  };
  const leaveEdit = (): void => {
    setDraft(null);
    edit.current?.focus();
  };
  const decide = (kind: Decision["decision"], more: Partial<Decision> = {}): void => {
    actions.sending.decide(callId, { decision: kind, feedback: "", ...more });
    toNextQuestion(form.current);
  };
  const dangersId = `dangers-${callId}`;
  const shown = draft !== null && fault === undefined ? JSON.parse(draft) : part.arguments;
  return (
    <>
      {!plan && (
        <div class="asked">
          <CallForPeople
            callId={draft === null ? callId : undefined}
            name={part.name}
            args={shown}
          />
          <Dangers id={dangersId} args={shown} />
        </div>
      )}
      <form
        class="tool-decision"
        ref={form}
        tabIndex={-1}
        aria-describedby={dangersId}
        data-decided={isDecided}
        aria-label={titleOf(part, true, { text, agentName })}
        onSubmit={(event) => {
          event.preventDefault();
          // Enter in the reason gives it; on an empty one it decides nothing.
          if (why().trim() !== "") decide("reject", { feedback: why() });
        }}
      >
        {draft !== null && (
          <ArgumentsField
            text={draft}
            faultId={fault && faultId}
            isDisabled={isDecided}
            onInput={setDraft}
            onLeave={leaveEdit}
          />
        )}
        {fault !== undefined && (
          <p id={faultId} class="field-fault">
            {fault}
          </p>
        )}
        <button
          type="button"
          class="button"
          disabled={isDecided || fault !== undefined}
          onClick={() => (draft === null ? decide("approve") : approveEdited())}
        >
          {isDecided && decision.decision !== "reject" && <Icon name="loading" spin />}
          {words.approve}
        </button>
        {draft === null && !plan && part.because !== "dangerous" && (
          <>
            <Secondary
              disabled={isDecided}
              onClick={() => decide("approve", { remember: "session" })}
            >
              {words.approveAlways}
            </Secondary>
            <MakeRule
              callId={callId}
              isDisabled={isDecided}
              onMade={(remember) => decide("approve", { remember })}
            />
          </>
        )}
        <button
          type="button"
          class="button is-secondary"
          disabled={isDecided}
          ref={edit}
          onClick={() =>
            draft === null ? setDraft(JSON.stringify(part.arguments, null, 2)) : leaveEdit()
          }
        >
          {draft === null ? words.editArguments : text.cancel}
        </button>
        {does === "write" && actions.run && (
          <Secondary onClick={() => actions.run?.("show_change")}>{words.showChange}</Secondary>
        )}
        <Secondary disabled={isDecided} onClick={() => decide("reject", { feedback: why() })}>
          {decision?.decision === "reject" && <Icon name="loading" spin />}
          {words.reject}
        </Secondary>
        <input
          class="text-input"
          type="text"
          aria-label={words.rejectWhy}
          placeholder={words.rejectWhy}
          value={feedback}
          disabled={isDecided}
          onInput={(event) => actions.writeCall(callId, { feedback: event.currentTarget.value })}
        />
      </form>
    </>
  );
}

interface ArgumentsFieldProps {
  text: string;
  faultId: string | undefined;
  isDisabled: boolean;
  onInput: (text: string) => void;
  onLeave: () => void;
}

function ArgumentsField({ text, faultId, isDisabled, onInput, onLeave }: ArgumentsFieldProps) {
  const { text: words } = useSurroundings();
  const place = useRef<HTMLDivElement>(null);
  useLayer(place, "edit", onLeave);
  useEffect(() => place.current?.querySelector("textarea")?.focus(), []);
  return (
    <div class="arguments-field" ref={place}>
      <textarea
        class="text-input"
        rows={Math.min(16, text.split("\n").length)}
        aria-label={words.toolArguments}
        aria-invalid={faultId !== undefined}
        aria-describedby={faultId}
        value={text}
        disabled={isDisabled}
        spellcheck={false}
        onInput={(event) => onInput(event.currentTarget.value)}
      />
    </div>
  );
}

/**
 * To the next call that waits, as a whole: its buttons are pressed by whoever has seen
 * it. Else to the composer.
 */
function toNextQuestion(decided: HTMLFormElement | null): void {
  const all = [...document.querySelectorAll<HTMLFormElement>(".tool-decision")];
  const at = decided === null ? -1 : all.indexOf(decided);
  const others = [...all.slice(at + 1), ...all.slice(0, Math.max(0, at))];
  const next = others.find(({ dataset }) => dataset["decided"] !== "true");
  if (next) next.focus();
  else focusComposer();
}
