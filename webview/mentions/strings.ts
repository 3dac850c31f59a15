import type { Mention } from "../messages.ts";

export type Kinds = Record<Mention["kind"] | "url" | "chat", string>;

/** Of the list alone, which is loaded with the first @ or /. */
export interface MentionStrings {
  title: string;
  kinds: Kinds;
  agents: string;
  noAgent: string;
  found(count: number): string;
}

const EN: MentionStrings = {
  title: "Add to the message",
  kinds: {
    file: "a file of the workspace",
    selection: "what is selected in the editor",
    problems: "what the editor underlines",
    terminal: "what stands in the terminal",
    git: "changes since the last commit",
    symbol: "a function, class or other name",
    prompt: "a prompt",
    url: "a page of the web",
    chat: "a past chat",
  },
  agents: "Agents and prompts",
  noAgent: "There is nothing of this name; it is sent as text.",
  found: (count) => (count === 0 ? "Nothing found." : `${count} to choose from.`),
};

const RU: MentionStrings = {
  title: "Добавить к сообщению",
  kinds: {
    file: "файл рабочей области",
    selection: "выделенное в редакторе",
    problems: "проблемы, отмеченные редактором",
    terminal: "текст терминала",
    git: "изменения с последнего коммита",
    symbol: "функция, класс или другое имя",
    prompt: "готовый запрос",
    url: "страница из сети",
    chat: "прошлый чат",
  },
  agents: "Агенты и запросы",
  noAgent: "Такого имени нет; это уйдёт как текст.",
  found: (count) => (count === 0 ? "Ничего не найдено." : `Вариантов: ${count}.`),
};

export function pickMentionStrings(language: string): MentionStrings {
  return language.toLowerCase().startsWith("ru") ? RU : EN;
}
