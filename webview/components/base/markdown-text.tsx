import { useLayoutEffect, useRef } from "preact/hooks";
import { MarkdownView } from "../../markdown/view.ts";
import { useSurroundings } from "./context.ts";

/** Markdown that may still grow. Its elements belong to the view, not to preact. */
export function MarkdownText({ text, isFinal }: { text: string; isFinal: boolean }) {
  const { md, markdownHost } = useSurroundings();
  const root = useRef<HTMLDivElement>(null);
  const view = useRef<MarkdownView | null>(null);
  useLayoutEffect(() => {
    if (root.current) view.current ??= new MarkdownView(root.current, md, markdownHost);
    view.current?.update(text, isFinal);
  }, [text, isFinal, md, markdownHost]);
  useLayoutEffect(() => () => view.current?.dispose(), []);
  return <div class={isFinal ? "markdown" : "markdown is-growing"} ref={root} />;
}
