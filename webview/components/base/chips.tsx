import type { ApprovalLevel } from "../../../server/protocol/approvals.ts";
import type { Going } from "../../messages.ts";
import { isAttached } from "../../state/attached.ts";
import type { AppState } from "../../state/model.ts";
import { useSurroundings } from "./context.ts";
import { Icon, IconButton } from "./icon.tsx";

/** What will go with the next message. */
export function DraftChips({ context }: { context: readonly Going[] }) {
  const { actions, text } = useSurroundings();
  if (context.every(isAttached)) return null;
  return (
    <ul class="chips">
      {context.map((item, index) =>
        isAttached(item) ? null : (
          <li class="chip">
            <Icon name="file" />
            <span>{item.label}</span>
            <IconButton
              icon="close"
              label={text.removeContext(item.label)}
              onClick={() => actions.dropContext(index)}
            />
          </li>
        ),
      )}
    </ul>
  );
}

export function ApprovalsButton() {
  const { actions, text } = useSurroundings();
  const show = (): void => actions.showApprovals(true);
  return <IconButton icon="shield" label={text.approvals} onClick={show} />;
}

interface AllowedProps {
  state: AppState;
  /** The button that was clicked goes, and must not take the focus along. */
  onRevoked: () => void;
}

/** What runs without asking in this chat. */
export function Allowed({ state, onRevoked }: AllowedProps) {
  return (
    <>
      <LevelNote level={state.facts?.level ?? "read"} onRevoked={onRevoked} />
      <GrantedTools names={state.log?.granted ?? []} onRevoked={onRevoked} />
    </>
  );
}

interface LevelNoteProps {
  level: ApprovalLevel;
  onRevoked: () => void;
}

/** More or less than usual runs without asking; seen as long as it is so. */
function LevelNote({ level, onRevoked }: LevelNoteProps) {
  const { actions, text } = useSurroundings();
  if (level === "read") return null;
  return (
    <div class="composer-note" data-level={level}>
      {level === "all" && <Icon name="warning" />}
      <span>{text.levels[level]}</span>
      <IconButton
        icon="close"
        label={text.levelBack}
        onClick={() => {
          void actions.approvals.setLevel("read");
          onRevoked();
        }}
      />
    </div>
  );
}

interface GrantedToolsProps {
  names: readonly string[];
  onRevoked: () => void;
}

/** Tools that a person has allowed for this chat, until they are to ask again. */
function GrantedTools({ names, onRevoked }: GrantedToolsProps) {
  const { actions, text } = useSurroundings();
  if (names.length === 0) return null;
  return (
    <div class="composer-note">
      <span>{text.granted}</span>
      <ul class="chips">
        {names.map((name) => (
          <li class="chip" key={name}>
            <Icon name="tools" />
            <span>{name}</span>
            <IconButton
              icon="close"
              label={text.revoke(name)}
              onClick={() => {
                void actions.sending.revoke(name);
                onRevoked();
              }}
            />
          </li>
        ))}
      </ul>
    </div>
  );
}
