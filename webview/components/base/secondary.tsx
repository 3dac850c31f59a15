import type { ComponentProps } from "preact";

/** A button for what is not the first thing to do. */
export function Secondary(props: ComponentProps<"button">) {
  return <button type="button" class="button is-secondary" {...props} />;
}
