import { useState } from "preact/hooks";
import type { AttachmentRef } from "../../server/protocol/attachments.ts";
import { type Attaching, useSurroundings } from "../components/base/context.ts";
import { useModal } from "../components/base/modal.ts";
import { asFailure } from "../transport/transport.ts";
import { contentOf } from "./kept-blobs.ts";
import { attachmentStrings } from "./strings.ts";
import { Thumbnail, useContentUrl } from "./thumbnail.tsx";

/** What went with a question; a picture can be looked at, anything saved. */
export function SentAttachments({ items }: { items: readonly AttachmentRef[] }) {
  const words = attachmentStrings();
  return (
    <ul class="attached" aria-label={words.attached}>
      {items.map((item, index) => (
        <SentAttachment key={`${index} ${item.hash}`} item={item} />
      ))}
    </ul>
  );
}

function SentAttachment({ item }: { item: AttachmentRef }) {
  const { attaching } = useSurroundings();
  const words = attachmentStrings();
  const [isLarge, setLarge] = useState(false);
  const [tries, setTries] = useState(0);
  const [hasFailed, setFailed] = useState(false);
  const isPicture = item.type === "image";
  const label = isPicture ? words.enlarge(item.name) : words.save(item.name);
  const onClick = (): void => {
    if (hasFailed) {
      setFailed(false);
      setTries(tries + 1);
    } else if (isPicture) setLarge(true);
    else void save(attaching, item);
  };
  return (
    <li>
      <button
        type="button"
        aria-label={hasFailed ? words.again(item.name) : label}
        aria-haspopup={isPicture && !hasFailed ? "dialog" : undefined}
        onClick={onClick}
      >
        <Thumbnail key={tries} item={item} onFailed={() => setFailed(true)} />
        {hasFailed && <span class="thumbnail-name">{item.name}</span>}
      </button>
      {isLarge && <Viewer item={item} onClose={() => setLarge(false)} />}
    </li>
  );
}

function Viewer({ item, onClose }: { item: AttachmentRef; onClose: () => void }) {
  const { attaching } = useSurroundings();
  const words = attachmentStrings();
  const modal = useModal(onClose);
  const url = useContentUrl(item, true);
  return (
    <dialog
      class="viewer"
      {...modal}
      aria-label={item.name}
      onClick={({ target }) => {
        // Beside the picture.
        if (target === modal.ref.current) onClose();
      }}
    >
      {url !== undefined && <img src={url} alt={item.name} />}
      <div class="button-row is-end">
        <span class="muted">{`${item.name}, ${words.size(item.bytes)}`}</span>
        <button
          type="button"
          class="button is-secondary"
          onClick={() => void save(attaching, item)}
        >
          {words.download}
        </button>
        <button type="button" class="button" onClick={onClose}>
          {words.close}
        </button>
      </div>
    </dialog>
  );
}

async function save({ store, transport }: Attaching, item: AttachmentRef): Promise<void> {
  const session_id = store.get().log?.id ?? "";
  const { name, hash } = item;
  // A page of the editor's cannot save; the editor asks where to.
  if (transport.editor) return transport.editor.run("save_attachment", { session_id, hash, name });
  try {
    const fetch = (wanted: string) =>
      transport.call("get_attachment", { session_id, hash: wanted });
    const url = URL.createObjectURL(await contentOf(item, fetch));
    const link = document.createElement("a");
    link.href = url;
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
  } catch (thrown) {
    store.dispatch({ type: "notice", notice: asFailure(thrown).error });
  }
}
