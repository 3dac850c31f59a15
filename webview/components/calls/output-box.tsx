import { useLayoutEffect, useRef } from "preact/hooks";
import { blocksOf } from "../../turns/tool-output.ts";
import { memo } from "../base/memo.ts";
import { Shown } from "../base/shown.tsx";

interface OutputBoxProps {
  label: string;
  text: string;
  /** Said below it. */
  note: string | undefined;
}

/** So near to the end a reader who comes down is at it. */
const AT_END = 12;

/**
 * What a command says while it runs, and its result in the same place. Stays at the end unless the
 * reader has gone up; a screen reader is not told of each piece.
 */
export function OutputBox({ label, text, note }: OutputBoxProps) {
  const box = useRef<HTMLPreElement>(null);
  const sticks = useRef(true);
  const lastTop = useRef(0);
  useLayoutEffect(() => {
    const element = box.current;
    if (element && sticks.current) element.scrollTop = element.scrollHeight;
  }, [text]);
  return (
    <figure class="shown">
      <figcaption>{label}</figcaption>
      <pre
        ref={box}
        tabIndex={0}
        role="group"
        aria-live="off"
        aria-label={label}
        onScroll={({ currentTarget: { scrollHeight, scrollTop, clientHeight } }) => {
          const left = scrollHeight - scrollTop - clientHeight;
          if (scrollTop < lastTop.current && left > 1) sticks.current = false;
          else if (scrollTop > lastTop.current && left <= AT_END) sticks.current = true;
          lastTop.current = scrollTop;
        }}
        onWheel={({ deltaY, currentTarget }) => {
          if (deltaY < 0 && currentTarget.scrollTop > 0) sticks.current = false;
        }}
      >
        {blocksOf(text).map((block) => (
          <Block text={block} />
        ))}
      </pre>
      {note !== undefined && <p class="muted">{note}</p>}
    </figure>
  );
}

const Block = memo(({ text }: { text: string }) => <Shown text={text} where="output" />);
