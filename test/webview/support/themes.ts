// The variables that VS Code 1.139 gives a webview in its built-in themes, as far as our styles use
// them; read out of a running workbench.
import themes from "./themes.json" with { type: "json" };

export type ThemeName = keyof typeof themes;

export interface Theme {
  kind: "light" | "dark";
  bodyClass: string;
  /** What stands behind the transparent page: the side bar. */
  background: string;
  variables: Record<string, string>;
}

const CLASSES: Record<ThemeName, { kind: Theme["kind"]; bodyClass: string }> = {
  dark: { kind: "dark", bodyClass: "vscode-dark" },
  light: { kind: "light", bodyClass: "vscode-light" },
  "high-contrast": { kind: "dark", bodyClass: "vscode-high-contrast" },
  "high-contrast-light": {
    kind: "light",
    bodyClass: "vscode-high-contrast vscode-high-contrast-light",
  },
  "dark-2026": { kind: "dark", bodyClass: "vscode-dark" },
  "light-2026": { kind: "light", bodyClass: "vscode-light" },
};

export const THEME_NAMES = Object.keys(CLASSES) as ThemeName[];

export const THEMES = Object.fromEntries(
  THEME_NAMES.map((name) => {
    const variables: Record<string, string> = themes[name];
    return [
      name,
      { ...CLASSES[name], background: variables["--vscode-sideBar-background"] ?? "", variables },
    ];
  }),
) as Record<ThemeName, Theme>;
