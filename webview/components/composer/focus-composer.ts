export const COMPOSER_ID = "composer-input";

export function focusComposer(): void {
  document.getElementById(COMPOSER_ID)?.focus();
}
