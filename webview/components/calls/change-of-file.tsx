// A change of a file as the lines that go and come: what the editor will write, where one tells;
// else what the call says.
import { useEffect, useState } from "preact/hooks";
import { isRecord } from "../../../server/shared/json.ts";
import { lineChanges, linesOf, MAX_SHOWN_LINES } from "../../../server/shared/line-changes.ts";
import type { ProposedChange } from "../../messages.ts";
import type { ToolPart } from "../../turns/model.ts";
import { useSurroundings } from "../base/context.ts";
import { Shown } from "../base/shown.tsx";
import { approvalStrings } from "./approval-strings.ts";

type Args = ToolPart["arguments"];
type Line = ProposedChange["lines"][number];

interface ChangeOfFileProps {
  /** Undefined while a person writes other arguments, of which the editor does not know. */
  callId: string | undefined;
  name: string;
  path: string;
  args: Args;
}

export function ChangeOfFile({ callId, name, path, args }: ChangeOfFileProps) {
  const { actions } = useSurroundings();
  const words = approvalStrings();
  const [told, setTold] = useState<ProposedChange | null>(null);
  useEffect(() => {
    setTold(null);
    return callId === undefined ? undefined : actions.editor?.followProposal(callId, setTold);
  }, [callId]);
  if (told) {
    const { is_new, added, removed, encoding, line_ends, lines, more } = told;
    const title = [
      is_new ? words.made(path) : words.change(path),
      words.counts(added, removed),
      [encodingName(encoding), words.lineEnds[line_ends]].filter(Boolean).join(", "),
    ];
    return <Change title={title} lines={lines} rest={more > 0 ? words.inEditor(more) : ""} />;
  }
  const derived = derive(name, args);
  if (!derived) return null;
  const count = (sign: Line["sign"]): number => derived.filter((line) => line.sign === sign).length;
  const title = [
    name === "write_file" ? words.whole(path) : words.change(path),
    words.counts(count("+"), count("-")),
    words.derived,
  ];
  const rest = derived.length > MAX_SHOWN_LINES ? words.cut(derived.length - MAX_SHOWN_LINES) : "";
  return <Change title={title} lines={derived.slice(0, MAX_SHOWN_LINES)} rest={rest} />;
}

interface ChangeProps {
  title: readonly string[];
  lines: readonly Line[];
  /** About lines that are left out at the end. */
  rest: string;
}

function Change({ title, lines, rest }: ChangeProps) {
  const words = approvalStrings();
  const label = title.filter((part) => part !== "").join(" · ");
  return (
    <figure class="shown">
      <figcaption>{label}</figcaption>
      <pre class="change" tabIndex={0} role="group" aria-label={label}>
        {lines.map(({ sign, text, end, at }) => (
          <>
            {at !== undefined && <span class="muted">{`${words.line(at)}\n`}</span>}
            <span data-sign={sign}>
              {`${sign} `}
              <Shown text={text} where="output" />
              {end && <em>{` ${words.end[end]}`}</em>}
              {"\n"}
            </span>
          </>
        ))}
        {rest}
      </pre>
    </figure>
  );
}

/** Of UTF-8 without a mark nobody need be told. */
function encodingName(name: string): string {
  if (name === "utf8") return "";
  return name === "utf8bom" ? "UTF-8 BOM" : name;
}

/** The file is not at hand: what goes and comes in each place that the call names. */
function derive(name: string, { content, edits }: Args): Line[] | undefined {
  if (name === "write_file" && typeof content === "string") {
    return linesOf(content).map(({ text }) => ({ sign: "+", text }));
  }
  if (name !== "apply_diff" || !Array.isArray(edits)) return undefined;
  const plain = (text: unknown): string => `${String(text ?? "").replaceAll(/\r\n?/g, "\n")}\n`;
  return edits
    .filter(isRecord)
    .flatMap(({ old_text, new_text }) => lineChanges(plain(old_text), plain(new_text)))
    .map(({ sign, text }) => ({ sign, text }));
}
