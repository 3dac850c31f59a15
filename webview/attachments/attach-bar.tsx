import { useEffect, useRef, useState } from "preact/hooks";
import { MEDIA_TYPES } from "../../server/protocol/attachments.ts";
import { useSurroundings } from "../components/base/context.ts";
import { Icon, IconButton } from "../components/base/icon.tsx";
import { isAttached } from "../state/attached.ts";
import type { AppState } from "../state/model.ts";
import { chosenModel, findModel } from "../state/selectors.ts";
import { forgetUnused, keptBlob } from "./kept-blobs.ts";
import { attachmentStrings } from "./strings.ts";
import { takeFiles } from "./take-files.ts";
import { Thumbnail } from "./thumbnail.tsx";

const KINDS = [...MEDIA_TYPES.image, ...MEDIA_TYPES.file].join();

/** Attaches, and shows what is attached. */
export function AttachBar({ state }: { state: AppState }) {
  const { actions, attaching } = useSurroundings();
  const words = attachmentStrings();
  const picker = useRef<HTMLInputElement>(null);
  useEffect(() => attaching.store.subscribe(forgetUnused), []);
  const items = state.context.flatMap((item, index) => (isAttached(item) ? { item, index } : []));
  return (
    <>
      <IconButton icon="attach" label={words.attach} onClick={() => picker.current?.click()} />
      <input
        ref={picker}
        type="file"
        multiple
        hidden
        accept={KINDS}
        onChange={({ currentTarget }) => {
          void takeFiles(attaching, [...(currentTarget.files ?? [])]);
          // The same one may be chosen again.
          currentTarget.value = "";
        }}
      />
      {items.length > 0 && (
        <ul class="attached" aria-label={words.attached}>
          {items.map(({ item, index }) => (
            <li key={item.hash}>
              <Thumbnail item={item} />
              <IconButton
                icon="close"
                label={words.remove(item.name)}
                onClick={() => actions.dropContext(index)}
              />
            </li>
          ))}
        </ul>
      )}
      <Told state={state} />
    </>
  );
}

/** What has come, and what will not go as it is. */
function Told({ state }: { state: AppState }) {
  const words = attachmentStrings();
  const items = state.context.filter(isAttached);
  const names = items.map(({ name }) => name).join(", ");
  const model = findModel(state, chosenModel(state));
  const refused = items.find(({ type }) => model?.inputs?.includes(type) === false);
  const lost = useLost(state, items.map(({ hash }) => hash).join());
  return (
    <>
      <span class="visually-hidden" role="status">
        {items.length > 0 && words.added(names)}
      </span>
      <p class="attached-note" role="status">
        {(refused ?? lost) && <Icon name="warning" />}
        {refused && words.notTaken(model?.name ?? "", refused.type === "image")}
        {!refused && lost && words.lost(lost)}
      </p>
    </>
  );
}

/** The name of one whose bytes are neither here nor the companion's. */
function useLost(state: AppState, hashes: string): string | undefined {
  const [lost, setLost] = useState<string>();
  useEffect(() => {
    const stored = state.log?.turns.flatMap(({ question }) => question?.attachments ?? []) ?? [];
    const found = state.context
      .filter(isAttached)
      .find(({ hash }) => !keptBlob(hash) && !stored.some((one) => one.hash === hash));
    setLost(found?.name);
  }, [hashes, state.log?.turns.length]);
  return lost;
}
