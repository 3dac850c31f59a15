// What was pasted, dropped or chosen becomes part of the draft, or is said to be none.
import {
  HEAD_BYTES,
  MAX_ATTACHMENT_BYTES,
  MAX_ATTACHMENTS,
  MAX_MESSAGE_ATTACHMENT_BYTES,
  mediaTypeIn,
} from "../../server/protocol/attachments.ts";
import type { Attaching } from "../components/base/context.ts";
import type { Attached } from "../messages.ts";
import { split, toAttached } from "../state/attached.ts";
import { chatKey } from "../state/drafts.ts";
import { keep } from "./kept-blobs.ts";
import { fitted } from "./picture.ts";
import { attachmentStrings } from "./strings.ts";

interface Notice {
  message: string;
  hint: string;
}

let last: Promise<unknown> = Promise.resolve();

/** One after another, in the order in which they were given. */
export function takeFiles(attaching: Attaching, files: readonly File[]): Promise<void> {
  const key = chatKey(attaching.store.get());
  const taking = last.then(async () => {
    const problems: Notice[] = [];
    for (const file of files) {
      const problem = await take(attaching, key, file);
      if (problem) problems.push(problem);
    }
    const [first] = problems;
    if (!first) return;
    const message = problems.map((one) => one.message).join(" ");
    const notice = { code: "not_attached", message, hint: first.hint };
    attaching.store.dispatch({ type: "notice", notice });
  });
  last = taking.catch(() => {});
  return taking;
}

async function take({ store }: Attaching, key: string, file: File): Promise<Notice | undefined> {
  const words = attachmentStrings();
  const refused = (message: string): Notice => ({ message, hint: words.leftOut });
  const head = await file.slice(0, HEAD_BYTES).arrayBuffer();
  const known = mediaTypeIn(new TextDecoder("latin1").decode(head));
  const isPicture = known ? known !== "application/pdf" : isOtherPicture(file);
  if (!known && !isPicture) return { message: words.unknown(file.name), hint: words.takesWhat };
  const blob = isPicture ? await fitted(file, known) : new Blob([file], { type: known ?? "" });
  if (!blob) {
    return known
      ? refused(words.broken(file.name))
      : { message: words.unknown(file.name), hint: words.takesWhat };
  }
  if (blob.size > MAX_ATTACHMENT_BYTES) return refused(words.tooLarge(file.name));

  const { hash, survives } = await keep(blob);
  const state = store.get();
  const isHere = chatKey(state) === key;
  const there = split(isHere ? state.context : (state.drafts[key]?.context ?? [])).attachments;
  if (there.some((one) => one.hash === hash)) return undefined;
  if (there.length >= MAX_ATTACHMENTS) return refused(words.tooMany);
  const total = there.reduce((sum, { bytes }) => sum + bytes, blob.size);
  if (total > MAX_MESSAGE_ATTACHMENT_BYTES) return refused(`${file.name}: ${words.tooMuch}`);
  const item = toAttached({
    type: isPicture ? "image" : "file",
    media_type: blob.type,
    name: freeName(file.name || "image.png", there),
    hash,
    bytes: blob.size,
  });
  store.dispatch(
    isHere
      ? { type: "compose", text: "", context: [item] }
      : { type: "returned", key, draft: "", context: [item] },
  );
  return survives ? undefined : { message: words.notKept(file.name), hint: words.notKeptHint };
}

/** Models take none of these; the page may be able to draw it. An SVG is a program. */
function isOtherPicture({ type }: File): boolean {
  return type.startsWith("image/") && !type.includes("svg");
}

/** Whatever is pasted has the same name. */
function freeName(name: string, there: readonly Attached[]): string {
  const dot = name.lastIndexOf(".");
  const [stem, ending] = dot > 0 ? [name.slice(0, dot), name.slice(dot)] : [name, ""];
  let free = name;
  for (let number = 2; there.some((one) => one.name === free); number += 1) {
    free = `${stem} ${number}${ending}`;
  }
  return free;
}
