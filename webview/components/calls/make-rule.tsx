import { useEffect, useRef, useState } from "preact/hooks";
import type { RuleText } from "../../../server/protocol/approvals.ts";
import { useLayer } from "../../escape.ts";
import { useSurroundings } from "../base/context.ts";
import { Secondary } from "../base/secondary.tsx";
import { Shown } from "../base/shown.tsx";
import { approvalStrings } from "./approval-strings.ts";

interface MakeRuleProps {
  callId: string;
  isDisabled: boolean;
  onMade: (rule: RuleText) => void;
}

/** What could be allowed for good, as the companion says; asked for when somebody wants it. */
export function MakeRule({ callId, isDisabled, onMade }: MakeRuleProps) {
  const { actions } = useSurroundings();
  const words = approvalStrings();
  const [isOpen, setOpen] = useState(false);
  const [choices, setChoices] = useState<readonly RuleText[] | null>(null);
  const button = useRef<HTMLSpanElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const close = (): void => {
    setOpen(false);
    button.current?.querySelector("button")?.focus();
  };
  useLayer(list, "edit", isOpen ? close : undefined);
  useEffect(() => {
    if (!isOpen) return;
    void actions.sending
      .stored((transport, session_id) =>
        transport.call("rule_choices", { session_id, call_id: callId }),
      )
      .then((found) => (found ? setChoices(found.choices) : setOpen(false)));
  }, [isOpen]);
  useEffect(() => list.current?.querySelector("button")?.focus(), [choices]);
  return (
    <>
      <span ref={button}>
        <Secondary
          disabled={isDisabled}
          aria-expanded={isOpen}
          onClick={() => (isOpen ? close() : setOpen(true))}
        >
          {words.makeRule}
        </Secondary>
      </span>
      <div class="rule-choices" ref={list} hidden={!isOpen}>
        <p role="status">{isOpen && choices?.length === 0 && words.noRule}</p>
        {isOpen &&
          choices?.map((rule) => (
            <Secondary
              key={rule.type + rule.pattern}
              disabled={isDisabled}
              onClick={() => onMade(rule)}
            >
              {words.always[rule.type]}{" "}
              <code>
                <Shown text={rule.pattern} where="output" />
              </code>
            </Secondary>
          ))}
      </div>
    </>
  );
}
