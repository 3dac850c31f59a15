import { useEffect, useRef, useState } from "preact/hooks";
import type { AttachmentRef } from "../../server/protocol/attachments.ts";
import { useSurroundings } from "../components/base/context.ts";
import { Icon } from "../components/base/icon.tsx";
import { contentOf } from "./kept-blobs.ts";
import { attachmentStrings } from "./strings.ts";

/** A picture in small, or the name of a file. */
export function Thumbnail({ item, onFailed }: { item: AttachmentRef; onFailed?: () => void }) {
  const place = useRef<HTMLSpanElement>(null);
  const isNear = useNear(place);
  const url = useContentUrl(item, isNear && item.type === "image", onFailed);
  const title = `${item.name}, ${attachmentStrings().size(item.bytes)}`;
  return (
    <span class="thumbnail" ref={place} title={title}>
      {item.type === "image" ? (
        url !== undefined && <img src={url} alt={item.name} draggable={false} />
      ) : (
        <>
          <Icon name="file" />
          <span>{item.name}</span>
        </>
      )}
    </span>
  );
}

/** Nothing is fetched for what nobody will look at. */
function useNear(place: { current: Element | null }): boolean {
  const [isNear, setNear] = useState(false);
  useEffect(() => {
    if (!place.current) return undefined;
    const observer = new IntersectionObserver(
      (entries) => {
        if (entries.some(({ isIntersecting }) => isIntersecting)) setNear(true);
      },
      { rootMargin: "400px" },
    );
    observer.observe(place.current);
    return () => observer.disconnect();
  }, []);
  return isNear;
}

/** An address of the content as long as it is shown. */
export function useContentUrl(
  item: AttachmentRef,
  isWanted: boolean,
  onFailed?: () => void,
): string | undefined {
  const { attaching } = useSurroundings();
  const [url, setUrl] = useState<string>();
  useEffect(() => {
    if (!isWanted) return undefined;
    let made: string | undefined;
    let isOver = false;
    const { store, transport } = attaching;
    const session_id = store.get().log?.id ?? "";
    contentOf(item, (hash) => transport.call("get_attachment", { session_id, hash })).then(
      (blob) => {
        if (isOver) return;
        made = URL.createObjectURL(blob);
        setUrl(made);
      },
      () => {
        if (!isOver) onFailed?.();
      },
    );
    return () => {
      isOver = true;
      if (made !== undefined) URL.revokeObjectURL(made);
    };
  }, [item.hash, isWanted]);
  return url;
}
