// `@path` in a CLAUDE.md: that file belongs to it, too. Not in code, where
// `@` means something else.

const IMPORT = /(?<=^|[\s(])@((?:~\/|\/)?[^\s@`"'<>()[\]{}]+)/gm;
const FENCE = /^[ \t]*(`{3,}|~{3,})/;
const INLINE_CODE = /(`+)[^`\n]+\1/g;

function withoutCode(text: string): string {
  let fence: string | undefined;
  const lines = text.split("\n").map((line) => {
    const [, mark] = FENCE.exec(line) ?? [];
    if (fence === undefined && mark === undefined) return line.replaceAll(INLINE_CODE, " ");
    if (fence === undefined) fence = mark;
    else if (mark?.startsWith(fence)) fence = undefined;
    return "";
  });
  return lines.join("\n");
}

/** The paths as they are written, each once. */
export function importsIn(text: string): string[] {
  const prose = withoutCode(text);
  const paths = [...prose.matchAll(IMPORT)].map(([, path = ""]) => path.replace(/[.,;:!?]+$/, ""));
  return [...new Set(paths)].filter((path) => path !== "");
}

/** Whether a text says nothing but what it imports. */
export function isOnlyImports(text: string): boolean {
  return text.trim() !== "" && text.replaceAll(IMPORT, "").trim() === "";
}
