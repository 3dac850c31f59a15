import { useLayoutEffect, useRef } from "preact/hooks";
import { ICONS } from "../../icons.ts";
import { useSurroundings } from "../base/context.ts";
import { Icon } from "../base/icon.tsx";
import { Secondary } from "../base/secondary.tsx";
import { versionStrings } from "./version-strings.ts";

export interface VersionSwitchProps {
  turnId: string;
  /** Of all, the oldest first. */
  versions: readonly string[];
  /** Nothing runs or waits. */
  canSwitch: boolean;
  /** Holds an element at this distance from the top of the conversation. */
  hold: (element: HTMLElement, top: number) => void;
}

/**
 * The reader's own switch: the buttons that it was made with go with their turn, and
 * those of the other one take their focus and their place.
 */
let moved: { to: string; newer: boolean; top: number } | undefined;

export function VersionSwitch({ turnId, versions, canSwitch, hold }: VersionSwitchProps) {
  const { actions } = useSurroundings();
  const text = versionStrings();
  const group = useRef<HTMLDivElement>(null);
  const number = versions.indexOf(turnId) + 1;
  const topOf = (element: HTMLElement): number =>
    element.getBoundingClientRect().top -
    (element.closest(".transcript")?.getBoundingClientRect().top ?? 0);
  useLayoutEffect(() => {
    const element = group.current;
    if (moved?.to !== turnId || !element) return;
    const { newer, top } = moved;
    moved = undefined;
    const buttons = element.querySelectorAll("button");
    buttons[newer ? 1 : 0]?.focus({ preventScroll: true });
    hold(element, top);
  }, []);
  const button = (newer: boolean) => {
    const to = versions[number - (newer ? 0 : 2)];
    const label = (newer ? text.newer : text.older)(number, versions.length);
    return (
      <button
        type="button"
        class="icon-button quiet"
        data-icon={ICONS[newer ? "chevron-right" : "chevron-left"]}
        title={label}
        aria-label={label}
        // A disabled one would lose the focus at the last version.
        aria-disabled={to === undefined || !canSwitch}
        onClick={() => {
          if (to === undefined || !canSwitch) return;
          if (group.current) moved = { to, newer, top: topOf(group.current) };
          void actions.sending.choose(to, turnId);
        }}
      />
    );
  };
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset is for what is filled in
    <div class="versions" role="group" aria-label={text.versions} ref={group}>
      {button(false)}
      <span>{text.at(number, versions.length)}</span>
      {button(true)}
    </div>
  );
}

/** At the end of the conversation, where something was. */
export function TakenBack({
  versions,
  canSwitch,
}: Pick<VersionSwitchProps, "versions" | "canSwitch">) {
  const { actions } = useSurroundings();
  const text = versionStrings();
  const newest = versions.at(-1);
  return (
    <div class="composer-note">
      <Icon name="history" />
      <span>{text.takenBack}</span>
      <Secondary
        disabled={!canSwitch}
        onClick={() => newest !== undefined && void actions.sending.choose(newest)}
      >
        {text.bringBack}
      </Secondary>
    </div>
  );
}
