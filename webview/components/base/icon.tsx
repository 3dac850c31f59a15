import { ICONS, type IconName } from "../../icons.ts";

/** An icon beside a text; says nothing by itself. */
export function Icon({ name, spin }: { name: IconName; spin?: boolean }) {
  return (
    <i class={spin ? "icon is-spinning" : "icon"} data-icon={ICONS[name]} aria-hidden="true" />
  );
}

interface IconButtonProps {
  icon: IconName;
  label: string;
  onClick: () => void;
  class?: string;
  disabled?: boolean;
  expanded?: boolean;
  /** That do the same. */
  keys?: string;
  /** The focus comes back to it. */
  home?: boolean;
}

export function IconButton({
  icon,
  label,
  onClick,
  class: extra,
  disabled,
  expanded,
  keys,
  home,
}: IconButtonProps) {
  return (
    <button
      type="button"
      class={extra === undefined ? "icon-button" : `icon-button ${extra}`}
      data-icon={ICONS[icon]}
      title={keys === undefined ? label : `${label} (${keys})`}
      aria-keyshortcuts={keys}
      aria-label={label}
      aria-expanded={expanded}
      disabled={disabled}
      data-home={home}
      onClick={onClick}
    />
  );
}
