// What an editor can do with a block of code; loaded with the first block that is whole.
import { ICONS, type IconName } from "../icons.ts";
import type { CodeUse } from "../messages.ts";

const EN = {
  apply: "Apply to its file",
  new_file: "Put into a new file",
  run: "Put into the terminal",
};
const RU: typeof EN = {
  apply: "Применить к файлу",
  new_file: "Вставить в новый файл",
  run: "Вставить в терминал",
};

const USES: readonly (readonly [keyof typeof EN, IconName])[] = [
  ["apply", "diff"],
  ["new_file", "new-file"],
  ["run", "terminal"],
];

export interface UsedBlock {
  actions: HTMLElement;
  element: HTMLElement;
  language: string;
  info: string;
  code: () => string;
}

export function addCodeActions(block: UsedBlock, use: (use: CodeUse) => void): void {
  const words = document.documentElement.lang.toLowerCase().startsWith("ru") ? RU : EN;
  for (const [how, icon] of USES) {
    const isShell = SHELLS.has(block.language);
    if (how === "run" ? !isShell : isShell && how === "apply") continue;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "icon-button";
    button.dataset["icon"] = ICONS[icon];
    button.title = words[how];
    button.setAttribute("aria-label", words[how]);
    button.addEventListener("click", () => {
      const { language, info } = block;
      const hint = nameBefore(block.element);
      use({ how, text: block.code(), language, info: info.slice(0, 500), hint });
    });
    block.actions.append(button);
  }
}

const SHELLS = new Set("bash cmd console fish ps1 powershell pwsh sh shell zsh".split(" "));

/** What the words just before a block call code: often the file that it is of. */
function nameBefore(block: Element): string {
  const named = block.previousElementSibling?.querySelectorAll("code, strong") ?? [];
  return ([...named].at(-1)?.textContent ?? "").slice(0, 500);
}
