import type { Attaching } from "./components/base/context.ts";

const LISTS = ["application/vnd.code.uri-list", "text/uri-list"];
const MAX_FILES = 50;
const ADDRESS = /^https?:\/\/\S{3,2000}$/i;
const IS_ATTACHED = /\.(?:png|jpe?g|gif|webp|pdf)$/i;

/**
 * Files that are let fall on the chat or pasted into it; VS Code lets them
 * through while Shift is held.
 */
export function acceptFiles(attaching: Attaching): void {
  const take = async (files: readonly File[]): Promise<void> => {
    const { takeFiles } = await import("./attachments/attachments.tsx");
    await takeFiles(attaching, files);
  };
  /** Of an address alone, its page; the address is pasted all the same. */
  const offer = (text: string, target: EventTarget | null): void => {
    if (!ADDRESS.test(text) || !(target instanceof HTMLTextAreaElement)) return;
    void Promise.all([import("./mentions/offer-page.ts"), import("./mentions/far.ts")]).then(
      ([{ offerPage }, { add }]) => offerPage(attaching, text, add),
    );
  };
  const { editor } = attaching.transport;
  const isTaken = ({ types }: DataTransfer): boolean =>
    types.includes("Files") || (editor !== undefined && LISTS.some((list) => types.includes(list)));
  const point = (isOver: boolean): boolean =>
    document.documentElement.classList.toggle("is-dropping", isOver);

  document.addEventListener("dragover", (event) => {
    if (!event.dataTransfer || !isTaken(event.dataTransfer)) return;
    event.preventDefault();
    point(true);
  });
  document.addEventListener("dragleave", ({ relatedTarget }) => {
    if (relatedTarget === null) point(false);
  });
  // A file of the system's that nobody takes would be opened in the app's place.
  document.addEventListener("drop", (event) => {
    point(false);
    if (!event.dataTransfer) return;
    const files = [...event.dataTransfer.files];
    // What the editor can read goes as context, as it is when it is dropped.
    const uris = editor ? urisOf(event.dataTransfer).filter((uri) => !isAmong(files, uri)) : [];
    const rest = uris.length > 0 ? files.filter(({ name }) => IS_ATTACHED.test(name)) : files;
    if (uris.length === 0 && files.length === 0) return;
    event.preventDefault();
    if (uris.length > 0) {
      editor?.addContext(uris.slice(0, MAX_FILES).map((uri) => ({ kind: "file", uri })));
    }
    if (rest.length > 0) void take(rest);
  });
  document.addEventListener("paste", (event) => {
    const { clipboardData, target } = event;
    const files = [...(clipboardData?.files ?? [])];
    if (!clipboardData || isOtherField(target)) return;
    if (files.length === 0) return offer(clipboardData.getData("text/plain").trim(), target);
    // A table of an office program comes as text and as a picture of it.
    const { types } = clipboardData;
    if (types.includes("text/plain") && types.some((type) => /^text\/(?:html|rtf)$/.test(type)))
      return;
    event.preventDefault();
    void take(files);
  });
}

function urisOf(transfer: DataTransfer): string[] {
  const lists = LISTS.map((type) => transfer.getData(type));
  return (lists.find((list) => list !== "") ?? "")
    .split(/\r?\n/)
    .filter((line) => /^(?:file|vscode-remote):/.test(line));
}

/** A picture that came along with its bytes. */
function isAmong(files: readonly File[], uri: string): boolean {
  if (!IS_ATTACHED.test(uri)) return false;
  return files.some(({ name }) => uri.endsWith(`/${encodeURIComponent(name)}`));
}

function isOtherField(target: EventTarget | null): boolean {
  return target instanceof Element && target.matches("input, textarea:not([data-home])");
}
