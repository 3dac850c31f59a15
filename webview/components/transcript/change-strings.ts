// Texts of what a turn has changed, loaded with its list.
import type { CommandChanges } from "../../../server/protocol/changes.ts";

interface ChangeStrings {
  label: string;
  files: (count: number) => string;
  /** For who hears it. */
  counts: (added: number, removed: number) => string;
  isNew: string;
  kept: string;
  undone: string;
  partly: (undone: number) => string;
  open: (count: number) => string;
  show: (path: string) => string;
  keep: (path: string) => string;
  undo: (path: string) => string;
  keepAll: string;
  undoAll: string;
  compare: string;
  byCommands: string;
  is: Record<CommandChanges["files"][number]["is"], string>;
  more: (count: number) => string;
  unknown: string;
}

const EN: ChangeStrings = {
  label: "Changed files",
  files: (count) => (count === 1 ? "1 file" : `${count} files`),
  counts: (added, removed) =>
    `${added} ${added === 1 ? "line" : "lines"} added, ${removed} removed`,
  isNew: "new",
  kept: "kept",
  undone: "undone",
  partly: (undone) => `undone in part (${undone})`,
  open: (count) => `${count} to decide`,
  show: (path) => `Show the changes in ${path}`,
  keep: (path) => `Keep the changes in ${path}`,
  undo: (path) => `Undo the changes in ${path}`,
  keepAll: "Keep all",
  undoAll: "Undo all",
  compare: "Compare with checkpoint",
  byCommands: "Changed while commands ran; not undone from here",
  is: {
    new: "made by a command",
    changed: "changed by a command",
    deleted: "deleted by a command",
  },
  more: (count) => `and ${count} more, changed while commands ran`,
  unknown: "Which files commands changed is not known: there are too many to look at.",
};

const forms = (one: string, few: string, many: string) => (count: number) => {
  const words: Partial<Record<Intl.LDMLPluralRule, string>> = { one, few };
  return `${count} ${words[new Intl.PluralRules("ru").select(count)] ?? many}`;
};
const files = forms("файл", "файла", "файлов");
const lines = forms("строка", "строки", "строк");

const RU: ChangeStrings = {
  label: "Изменённые файлы",
  files,
  counts: (added, removed) => `добавлено: ${lines(added)}, убрано: ${lines(removed)}`,
  isNew: "новый",
  kept: "оставлено",
  undone: "отменено",
  partly: (undone) => `отменено частично (${undone})`,
  open: (count) => `не решено: ${count}`,
  show: (path) => `Показать изменения в ${path}`,
  keep: (path) => `Оставить изменения в ${path}`,
  undo: (path) => `Отменить изменения в ${path}`,
  keepAll: "Оставить все",
  undoAll: "Отменить все",
  compare: "Сравнить с контрольной точкой",
  byCommands: "Изменены, пока работали команды; отсюда не отменяются",
  is: { new: "создан командой", changed: "изменён командой", deleted: "удалён командой" },
  more: (count) => `и ещё ${files(count)}: изменены, пока работали команды`,
  unknown: "Какие файлы изменили команды, неизвестно: их слишком много, чтобы все просмотреть.",
};

export function changeStrings(): ChangeStrings {
  return document.documentElement.lang.toLowerCase().startsWith("ru") ? RU : EN;
}
