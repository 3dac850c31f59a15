// Texts of what may run without asking, loaded with it.
import type { ApprovalLevel, RuleText } from "../../server/protocol/approvals.ts";

interface ApprovalsStrings {
  title: string;
  levels: Record<ApprovalLevel, readonly [name: string, detail: string]>;
  level: string;
  always: string;
  rules: string;
  tools: string;
  none: string;
  loading: string;
  close: string;
  types: Record<RuleText["type"], string>;
  in: (place: string) => string;
  remove: (rule: string) => string;
}

const EN: ApprovalsStrings = {
  title: "What may run without asking",
  level: "In this chat",
  levels: {
    ask: ["Ask about everything", "reading, too, and what rules allow"],
    read: ["Reading is free", "all else asks; so it is in a new chat"],
    edit: ["Edits are free", "files of the workspace change without a question"],
    all: ["Everything is free", "commands, too, as far as it can be known what they do"],
  },
  always: "What is dangerous always asks: deleting, keys, leaving the workspace and the like.",
  rules: "Rules, in every chat of their workspace",
  tools: "Tools, in this chat",
  none: "None yet. Make one where a call asks.",
  loading: "Loading…",
  close: "Close",
  types: { command: "Exactly", command_prefix: "Begins with", path: "Files", host: "Pages of" },
  in: (place) => `In ${place}`,
  remove: (rule) => `Let ${rule} ask again`,
};

const RU: ApprovalsStrings = {
  title: "Что можно выполнять без вопросов",
  level: "В этом чате",
  levels: {
    ask: ["Спрашивать обо всём", "и о чтении, и о том, что разрешают правила"],
    read: ["Читать можно", "обо всём остальном вопрос; так в новом чате"],
    edit: ["Менять файлы можно", "файлы рабочей области меняются без вопроса"],
    all: ["Можно всё", "и команды, если можно узнать, что они делают"],
  },
  always: "Об опасном вопрос всегда: удаление, ключи, выход из рабочей области и подобное.",
  rules: "Правила, во всех чатах их рабочей области",
  tools: "Инструменты, в этом чате",
  none: "Пока нет. Правило создают там, где вызов спрашивает.",
  loading: "Загрузка…",
  close: "Закрыть",
  types: { command: "Точно", command_prefix: "Начинается с", path: "Файлы", host: "Страницы" },
  in: (place) => `В ${place}`,
  remove: (rule) => `Пусть снова спрашивает: ${rule}`,
};

export function approvalsStrings(): ApprovalsStrings {
  return document.documentElement.lang.toLowerCase().startsWith("ru") ? RU : EN;
}
