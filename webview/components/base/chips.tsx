import type { Going } from "../../messages.ts";
import { isAttached } from "../../state/attached.ts";
import { useSurroundings } from "./context.ts";
import { Icon, IconButton } from "./icon.tsx";

/** What will go with the next message. */
export function DraftChips({ context }: { context: readonly Going[] }) {
  const { actions, text } = useSurroundings();
  if (context.every(isAttached)) return null;
  return (
    <ul class="chips">
      {context.map((item, index) =>
        isAttached(item) ? null : (
          <li class="chip">
            <Icon name="file" />
            <span>{item.label}</span>
            <IconButton
              icon="close"
              label={text.removeContext(item.label)}
              onClick={() => actions.dropContext(index)}
            />
          </li>
        ),
      )}
    </ul>
  );
}

interface GrantedToolsProps {
  names: readonly string[];
  onRevoked: () => void;
}

/** Tools that a person has allowed for this chat, until they are to ask again. */
export function GrantedTools({ names, onRevoked }: GrantedToolsProps) {
  const { actions, text } = useSurroundings();
  if (names.length === 0) return null;
  return (
    <div class="composer-note">
      <span>{text.granted}</span>
      <ul class="chips">
        {names.map((name) => (
          <li class="chip" key={name}>
            <Icon name="tools" />
            <span>{name}</span>
            <IconButton
              icon="close"
              label={text.revoke(name)}
              onClick={() => {
                void actions.sending.revoke(name);
                onRevoked();
              }}
            />
          </li>
        ))}
      </ul>
    </div>
  );
}
