import { HIDDEN_CLASS, splitHidden } from "../../markdown/syntax/hidden-characters.ts";

/** Text as it is, with what hides in it made visible. */
export function Shown({
  label,
  text,
  where,
}: {
  label?: string;
  text: string;
  where?: "prose" | "output";
}) {
  const runs = splitHidden(withoutEscapes(text), where === "prose" ? "prose" : "code").map((run) =>
    run.hidden ? <span class={HIDDEN_CLASS}>{run.text}</span> : run.text,
  );
  if (where !== undefined) return <>{runs}</>;
  return (
    <figure class="shown">
      <figcaption>{label}</figcaption>
      <pre tabIndex={0} role="group" aria-label={label}>
        {runs}
      </pre>
    </figure>
  );
}

/** Colours and other orders to a terminal, which this is not. */
function withoutEscapes(text: string): string {
  return text.replaceAll(ESCAPES, "");
}
const ESC = "\u001B";
const ESCAPES = new RegExp(`${ESC}(?:\\[[0-?]*[ -/]*[@-~]|\\][^\\x07${ESC}]*\\x07?|[@-_])`, "g");
