import type { Editor } from "./transport/transport.ts";

const LISTS = ["application/vnd.code.uri-list", "text/uri-list"];
const MAX_FILES = 50;

/** Files of the explorer that are let fall on the chat; VS Code lets them through while Shift is held. */
export function acceptDrops({ addContext }: Editor): void {
  document.addEventListener("dragover", (event) => {
    if (LISTS.some((type) => event.dataTransfer?.types.includes(type))) event.preventDefault();
  });
  document.addEventListener("drop", (event) => {
    const lists = LISTS.map((type) => event.dataTransfer?.getData(type) ?? "");
    const files = (lists.find((list) => list !== "") ?? "")
      .split(/\r?\n/)
      .filter((line) => /^(?:file|vscode-remote):/.test(line));
    if (files.length === 0) return;
    event.preventDefault();
    addContext(files.slice(0, MAX_FILES).map((uri) => ({ kind: "file", uri })));
  });
}

/** A file of the system's that nobody takes would be opened in the app's place. */
export function refuseDrops(say: () => void): void {
  const holdsFiles = (event: DragEvent): boolean =>
    !event.defaultPrevented && event.dataTransfer?.types.includes("Files") === true;
  document.addEventListener("dragover", (event) => {
    if (holdsFiles(event)) event.preventDefault();
  });
  document.addEventListener("drop", (event) => {
    if (!holdsFiles(event)) return;
    event.preventDefault();
    say();
  });
}
