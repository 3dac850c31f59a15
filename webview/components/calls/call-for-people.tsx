// A call as a person reads it: a command as a command, a change as a change, and
// what to look at closely.
import { commandOf, dangersOf } from "../../../server/shared/command-dangers.ts";
import type { ToolPart } from "../../turns/model.ts";
import { useSurroundings } from "../base/context.ts";
import { Icon } from "../base/icon.tsx";
import { Shown } from "../base/shown.tsx";
import { approvalStrings } from "./approval-strings.ts";
import { ChangeOfFile } from "./change-of-file.tsx";

type Args = ToolPart["arguments"];
interface CallProps {
  /** Of the call as the model has made it. */
  callId: string | undefined;
  name: string;
  args: Args;
}

export function CallForPeople({ callId, name, args }: CallProps) {
  const { text } = useSurroundings();
  const words = approvalStrings();
  const command = commandOf(args);
  const path = name === "write_file" || name === "apply_diff" ? args["path"] : undefined;
  const raw = <Shown label={text.toolArguments} text={JSON.stringify(args, null, 2)} />;
  if (command === undefined && typeof path !== "string") return raw;
  return (
    <>
      {command !== undefined && <Shown label={words.command} text={command} />}
      {typeof path === "string" && (
        <ChangeOfFile callId={callId} name={name} path={path} args={args} />
      )}
      <details class="fold">
        <summary>{words.details}</summary>
        {raw}
      </details>
    </>
  );
}

/** What to look at closely; nothing where nothing is known to be dangerous. */
export function Dangers({ id, args }: { id: string; args: Args }) {
  const words = approvalStrings();
  const command = commandOf(args);
  const dangers = command === undefined ? [] : dangersOf(command);
  if (dangers.length === 0) return null;
  return (
    <div class="dangers" id={id} role="alert">
      <p>
        <Icon name="warning" />
        <strong>{words.careful}</strong>
      </p>
      <ul>
        {dangers.slice(0, 8).map(({ kind, what }) => (
          <li>
            {words.dangers[kind]}:{" "}
            <code>
              <Shown text={what} where="output" />
            </code>
          </li>
        ))}
      </ul>
    </div>
  );
}
