// What may run without asking, all in one place, each taken back at a click.
import { useEffect, useState } from "preact/hooks";
import {
  APPROVAL_LEVELS,
  type ApprovalLevel,
  type ApprovalRule,
} from "../../server/protocol/approvals.ts";
import { loadStyle } from "../load-style.ts";
import type { AppState } from "../state/model.ts";
import { approvalsStrings } from "./approvals-strings.ts";
import { useSurroundings } from "./base/context.ts";
import { IconButton } from "./base/icon.tsx";
import { useModal } from "./base/modal.ts";
import { Secondary } from "./base/secondary.tsx";
import { Shown } from "./base/shown.tsx";

export async function loadApprovals(): Promise<typeof ApprovalsDialog> {
  await loadStyle("approvals.css");
  return ApprovalsDialog;
}

export function ApprovalsDialog({ state }: { state: AppState }) {
  const { actions } = useSurroundings();
  const words = approvalsStrings();
  const [rules, setRules] = useState<readonly ApprovalRule[] | null>(null);
  const close = (): void => actions.showApprovals(false);
  const modal = useModal(close);
  useEffect(() => void actions.approvals.rules().then((found) => setRules(found ?? [])), []);
  const remove = async ({ id }: ApprovalRule): Promise<void> => {
    if (!(await actions.approvals.removeRule(id))) return;
    setRules((known) => known?.filter((rule) => rule.id !== id) ?? null);
    // The button that was pressed is gone.
    modal.ref.current?.focus();
  };
  const granted = state.log?.granted ?? [];
  return (
    <dialog {...modal} class="approvals" tabIndex={-1} aria-labelledby="dialog-title">
      <h2 id="dialog-title">{words.title}</h2>
      <Levels level={state.facts?.level ?? "read"} onChoose={actions.approvals.setLevel} />
      <p class="muted">{words.always}</p>
      <h3>{words.rules}</h3>
      <RuleList rules={rules} onRemove={(rule) => void remove(rule)} />
      {granted.length > 0 && (
        <>
          <h3>{words.tools}</h3>
          <ul>
            {granted.map((name) => (
              <li key={name}>
                <code>{name}</code>
                <IconButton
                  icon="close"
                  label={words.remove(name)}
                  onClick={() => {
                    void actions.sending.revoke(name);
                    modal.ref.current?.focus();
                  }}
                />
              </li>
            ))}
          </ul>
        </>
      )}
      <div class="button-row is-end">
        <Secondary onClick={close}>{words.close}</Secondary>
      </div>
    </dialog>
  );
}

interface LevelsProps {
  level: ApprovalLevel;
  onChoose: (level: ApprovalLevel) => Promise<void>;
}

function Levels({ level, onChoose }: LevelsProps) {
  const words = approvalsStrings();
  // Until the companion has said so.
  const [wished, setWished] = useState<ApprovalLevel | null>(null);
  const choose = async (one: ApprovalLevel): Promise<void> => {
    setWished(one);
    await onChoose(one);
    setWished(null);
  };
  return (
    <fieldset>
      <legend>{words.level}</legend>
      {APPROVAL_LEVELS.map((one) => {
        const [name, detail] = words.levels[one];
        return (
          <label key={one} data-level={one}>
            <input
              type="radio"
              name="approval-level"
              checked={one === (wished ?? level)}
              onChange={() => void choose(one)}
            />
            <span>
              {name} <span class="muted">({detail})</span>
            </span>
          </label>
        );
      })}
    </fieldset>
  );
}

interface RuleListProps {
  rules: readonly ApprovalRule[] | null;
  onRemove: (rule: ApprovalRule) => void;
}

function RuleList({ rules, onRemove }: RuleListProps) {
  const words = approvalsStrings();
  if (rules === null) return <p role="status">{words.loading}</p>;
  if (rules.length === 0) return <p class="muted">{words.none}</p>;
  const places = [...new Set(rules.map(({ workspace }) => workspace))];
  return (
    <>
      {places.map((place) => (
        <section key={place}>
          <h4 class="muted">
            <Shown text={words.in(place)} where="output" />
          </h4>
          <ul>
            {rules
              .filter(({ workspace }) => workspace === place)
              .map((rule) => (
                <li key={rule.id}>
                  <span>
                    {words.types[rule.type]}{" "}
                    <code>
                      <Shown text={rule.pattern} where="output" />
                    </code>
                    {folderOf(rule) !== "" && (
                      <span class="muted"> {words.in(folderOf(rule))}</span>
                    )}
                  </span>
                  <IconButton
                    icon="close"
                    label={words.remove(rule.pattern)}
                    onClick={() => onRemove(rule)}
                  />
                </li>
              ))}
          </ul>
        </section>
      ))}
    </>
  );
}

/** What else its call has to say: for most, the folder of a command or nothing. */
function folderOf({ arguments: args }: ApprovalRule): string {
  const { folder, ...others } = args;
  if (typeof folder === "string" && Object.keys(others).length === 0) return folder;
  return Object.keys(args).length === 0 ? "" : JSON.stringify(args);
}
