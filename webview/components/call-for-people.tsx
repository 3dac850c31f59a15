// A call as a person reads it: a command as a command, a change as a change, and what to look at closely.
import { dangersOf } from "../../server/shared/command-dangers.ts";
import { isRecord } from "../../server/shared/json.ts";
import type { ToolPart } from "../turns/model.ts";
import { approvalStrings } from "./approval-strings.ts";
import { useSurroundings } from "./context.ts";
import { Icon } from "./icon.tsx";
import { Shown } from "./shown.tsx";

type Args = ToolPart["arguments"];
interface Line {
  sign: "+" | "-" | " ";
  text: string;
}
const MAX_LINES = 120;

export function CallForPeople({ name, args }: { name: string; args: Args }) {
  const { text } = useSurroundings();
  const words = approvalStrings();
  const command = commandOf(args);
  const path = typeof args["path"] === "string" ? args["path"] : undefined;
  const lines = path === undefined ? undefined : linesOf(name, args);
  const raw = <Shown label={text.toolArguments} text={JSON.stringify(args, null, 2)} />;
  if (command === undefined && !lines) return raw;
  const label = name === "write_file" ? words.whole(path ?? "") : words.change(path ?? "");
  return (
    <>
      {command !== undefined && <Shown label={words.command} text={command} />}
      {lines && <Change label={label} lines={lines} />}
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

function Change({ label, lines }: { label: string; lines: readonly Line[] }) {
  const words = approvalStrings();
  const count = (sign: Line["sign"]): number => lines.filter((line) => line.sign === sign).length;
  const title = `${label} · ${words.counts(count("+"), count("-"))}`;
  return (
    <figure class="shown">
      <figcaption>{title}</figcaption>
      <pre class="change" tabIndex={0} role="group" aria-label={title}>
        {lines.slice(0, MAX_LINES).map(({ sign, text }) => (
          <span data-sign={sign}>
            {`${sign} `}
            <Shown text={text} where="output" />
            {"\n"}
          </span>
        ))}
        {lines.length > MAX_LINES && words.cut(lines.length - MAX_LINES)}
      </pre>
    </figure>
  );
}

/** Tools of others call it otherwise. */
function commandOf(args: Args): string | undefined {
  const told = [args["command"], args["cmd"], args["script"]].find(
    (one) => typeof one === "string",
  );
  return typeof told === "string" ? told : undefined;
}

function linesOf(name: string, args: Args): Line[] | undefined {
  const { content, edits } = args;
  if (name === "write_file" && typeof content === "string") {
    return content.split("\n").map((text) => ({ sign: "+", text }));
  }
  if (name !== "apply_diff" || !Array.isArray(edits)) return undefined;
  return edits
    .filter(isRecord)
    .flatMap(({ old_text, new_text }) =>
      lineChange(String(old_text ?? "").split("\n"), String(new_text ?? "").split("\n")),
    );
}

/** What both begin and end with stays. */
function lineChange(before: readonly string[], after: readonly string[]): Line[] {
  const shorter = Math.min(before.length, after.length);
  let head = 0;
  while (head < shorter && before[head] === after[head]) head += 1;
  let tail = 0;
  while (tail < shorter - head && before.at(-1 - tail) === after.at(-1 - tail)) tail += 1;
  const as = (sign: Line["sign"], lines: readonly string[]): Line[] =>
    lines.map((text) => ({ sign, text }));
  return [
    ...as(" ", before.slice(0, head)),
    ...as("-", before.slice(head, before.length - tail)),
    ...as("+", after.slice(head, after.length - tail)),
    ...as(" ", after.slice(after.length - tail)),
  ];
}
