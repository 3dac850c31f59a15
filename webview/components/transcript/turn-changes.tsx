import { useId, useRef, useState } from "preact/hooks";
import type { CommandChanges } from "../../../server/protocol/changes.ts";
import { loadStyle } from "../../load-style.ts";
import type { Turn, TurnChange } from "../../turns/model.ts";
import { useSurroundings } from "../base/context.ts";
import { Icon, IconButton } from "../base/icon.tsx";
import { Secondary } from "../base/secondary.tsx";
import { changeStrings } from "./change-strings.ts";

/** With what it looks like. */
export async function loadTurnChanges() {
  await loadStyle("changes.css");
  return TurnChanges;
}

interface TurnChangesProps {
  turn: Turn;
  /** Nothing runs: what was changed may be undone. */
  isIdle: boolean;
}

/** The files that a turn has changed; where there is an editor, to look at, keep or undo. */
function TurnChanges({ turn, isIdle }: TurnChangesProps) {
  const { id: turnId, changes = [], byCommands = [] } = turn;
  const { actions } = useSurroundings();
  const words = changeStrings();
  const [isOpen, setOpen] = useState(false);
  const list = useId();
  const toggle = useRef<HTMLButtonElement>(null);
  const shown = changes.filter((one) => one.decided || one.isNew || one.added + one.removed > 0);
  const byCommand = filesOf(byCommands);
  const isUnknown = byCommands.some(({ more }) => more === null);
  const count = new Set([...shown, ...byCommand].map(({ path }) => path)).size;
  if (count === 0) return isUnknown ? <p class="muted changes">{words.unknown}</p> : null;
  const sum = (of: "added" | "removed"): number => shown.reduce((all, one) => all + one[of], 0);
  const { run } = actions;
  const decide = (decision: "keep" | "undo"): void => {
    // The buttons go, and must not take the focus along.
    toggle.current?.focus();
    run?.("decide_changes", { turn_id: turnId, decision });
  };
  return (
    <section class="changes" aria-label={words.label}>
      <button
        ref={toggle}
        type="button"
        class="chip"
        aria-expanded={isOpen}
        aria-controls={list}
        onClick={() => setOpen(!isOpen)}
      >
        <Icon name="chevron-right" />
        <span>{words.files(count)}</span>
        {shown.length > 0 && <Counts added={sum("added")} removed={sum("removed")} />}
        <StateOfAll changes={shown} />
      </button>
      <div id={list} hidden={!isOpen}>
        <ul>
          {isOpen &&
            shown.map((change) => (
              <ChangedFile key={change.path} turnId={turnId} change={change} isIdle={isIdle} />
            ))}
        </ul>
        {isOpen && (
          <ByCommands
            turnId={turnId}
            files={byCommand}
            more={byCommands.reduce((all, { more }) => all + (more ?? 0), 0)}
            isUnknown={isUnknown}
          />
        )}
        {isOpen && run && shown.length > 0 && (
          <div class="button-row">
            {isIdle && shown.some(isToDecide) && (
              <>
                <Secondary onClick={() => decide("keep")}>{words.keepAll}</Secondary>
                <Secondary onClick={() => decide("undo")}>{words.undoAll}</Secondary>
              </>
            )}
            <Secondary onClick={() => run("show_changes", { turn_id: turnId })}>
              {words.compare}
            </Secondary>
          </div>
        )}
      </div>
    </section>
  );
}

/** What is left at the end, by path: one that came and went again is not there. */
function filesOf(byCommands: readonly CommandChanges[]): CommandChanges["files"] {
  const files = new Map<string, CommandChanges["files"][number]>();
  for (const file of byCommands.flatMap((one) => one.files)) {
    const before = files.get(file.path)?.is;
    if (before === "new" && file.is === "deleted") files.delete(file.path);
    else if (before === "new") files.set(file.path, { ...file, is: "new" });
    else if (before === "deleted") files.set(file.path, { ...file, is: "changed" });
    else files.set(file.path, file);
  }
  return [...files.values()];
}

interface ByCommandsProps {
  turnId: string;
  files: CommandChanges["files"];
  more: number;
  isUnknown: boolean;
}

/** There is no copy of them from before, so nothing of them is kept or undone here. */
function ByCommands({ turnId, files, more, isUnknown }: ByCommandsProps) {
  const { run } = useSurroundings().actions;
  const words = changeStrings();
  return (
    <>
      {files.length > 0 && (
        <>
          <p class="muted">{words.byCommands}</p>
          <ul aria-label={words.byCommands}>
            {files.map(({ path, is }) => (
              <li key={path}>
                {run ? (
                  <button
                    type="button"
                    class="chip"
                    title={words.show(path)}
                    onClick={() => run("show_changes", { turn_id: turnId, path })}
                  >
                    <Icon name="file" />
                    <span>{path}</span>
                  </button>
                ) : (
                  <span class="changes-name">{path}</span>
                )}
                <span class="muted">{words.is[is]}</span>
              </li>
            ))}
          </ul>
        </>
      )}
      {more > 0 && <p class="muted">{words.more(more)}</p>}
      {isUnknown && <p class="muted">{words.unknown}</p>}
    </>
  );
}

interface ChangedFileProps {
  turnId: string;
  change: TurnChange;
  isIdle: boolean;
}

function ChangedFile({ turnId, change, isIdle }: ChangedFileProps) {
  const { actions } = useSurroundings();
  const words = changeStrings();
  const name = useRef<HTMLButtonElement>(null);
  const { path, isNew, added, removed } = change;
  const { run } = actions;
  const about = { turn_id: turnId, path };
  const decide = (decision: "keep" | "undo"): void => {
    name.current?.focus();
    run?.("decide_changes", { ...about, decision });
  };
  return (
    <li data-state={stateOf(change)}>
      {run ? (
        <button
          ref={name}
          type="button"
          class="chip"
          title={words.show(path)}
          onClick={() => run("show_changes", about)}
        >
          <Icon name="file" />
          <span>{path}</span>
        </button>
      ) : (
        <span class="changes-name">{path}</span>
      )}
      {isNew && <span class="muted">{words.isNew}</span>}
      <Counts added={added} removed={removed} />
      <State change={change} />
      {run && isIdle && isToDecide(change) && (
        <span class="changes-actions">
          <IconButton icon="check" label={words.keep(path)} onClick={() => decide("keep")} />
          <IconButton icon="discard" label={words.undo(path)} onClick={() => decide("undo")} />
        </span>
      )}
    </li>
  );
}

function Counts({ added, removed }: { added: number; removed: number }) {
  return (
    <span class="changes-counts">
      <span class="visually-hidden">{changeStrings().counts(added, removed)}</span>
      <span aria-hidden="true" data-sign="+">{`+${added}`}</span>
      <span aria-hidden="true" data-sign="-">{`−${removed}`}</span>
    </span>
  );
}

const isToDecide = ({ decided }: TurnChange): boolean => decided === null || decided.open > 0;

type State = "open" | "kept" | "undone" | "partly";

/** By what is left of it, once all is decided. */
function stateOf({ decided }: TurnChange): State {
  if (!decided || decided.open > 0) return "open";
  if (decided.undone === 0) return "kept";
  return decided.kept === 0 ? "undone" : "partly";
}

function State({ change }: { change: TurnChange }) {
  const words = changeStrings();
  const { decided } = change;
  if (!decided) return null;
  const said: Record<State, string> = {
    open: words.open(decided.open),
    kept: words.kept,
    undone: words.undone,
    partly: words.partly(decided.undone),
  };
  return <span class="muted">{said[stateOf(change)]}</span>;
}

/** Of several files only what is true of all of them. */
function StateOfAll({ changes }: { changes: readonly TurnChange[] }) {
  const words = changeStrings();
  const states = new Set(changes.map(stateOf));
  const [only] = states;
  if (states.size > 1 || only === "open" || only === undefined) return null;
  const undone = changes.reduce((sum, { decided }) => sum + (decided?.undone ?? 0), 0);
  const said = { kept: words.kept, undone: words.undone, partly: words.partly(undone) };
  return <span class="muted">{said[only]}</span>;
}
