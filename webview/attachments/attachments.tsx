// All about attachments that is not needed for the first word; one bundle.
import type { ComponentType } from "preact";
import type { AttachmentRef } from "../../server/protocol/attachments.ts";
import { loadStyle } from "../load-style.ts";
import type { AppState } from "../state/model.ts";
import { AttachBar } from "./attach-bar.tsx";
import { SentAttachments } from "./sent-attachments.tsx";

export { takeFiles } from "./take-files.ts";

type Props = { state: AppState; items?: undefined } | { items: readonly AttachmentRef[] };

function Attachments(props: Props) {
  return props.items ? <SentAttachments items={props.items} /> : <AttachBar state={props.state} />;
}

let style: Promise<unknown> | undefined;

/** The component with its looks. Rejects when those cannot be had; it may be asked for again. */
export async function styled(): Promise<ComponentType<Props>> {
  try {
    style ??= loadStyle("attachments.css");
    await style;
  } catch (thrown) {
    style = undefined;
    throw thrown;
  }
  return Attachments;
}
