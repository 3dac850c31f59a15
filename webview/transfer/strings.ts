// Texts of the dialog that brings chats out and in, loaded with it.
import type { ImportReport } from "../../server/protocol/responses.ts";

interface TransferStrings {
  title: string;
  thisChat: string;
  noChat: string;
  format: string;
  formats: Record<"jsonl" | "markdown" | "html", string>;
  exportChat: string;
  fork: string;
  forkDetail: string;
  allChats: string;
  exportAll: string;
  importTitle: string;
  importDetail: string;
  choose: string;
  copies: string;
  open: string;
  close: string;
  exporting: string;
  importing(name: string): string;
  forking: string;
  received(bytes: number): string;
  saved(name: string): string;
  brokenOff: string;
  cancelled: string;
  notWhole: string;
  counts(counts: ImportReport["counts"]): string;
}

const size = (bytes: number, lang: string): string =>
  new Intl.NumberFormat(lang, { maximumFractionDigits: 1 }).format(bytes / 1_000_000);

const EN: TransferStrings = {
  title: "Export and import",
  thisChat: "This chat",
  noChat: "Open a chat to export it.",
  format: "As",
  formats: {
    jsonl: "whole chat (JSONL)",
    markdown: "text (Markdown)",
    html: "a page (HTML)",
  },
  exportChat: "Export chat",
  fork: "Go on in a copy",
  forkDetail: "The copy is a chat of its own; this one stays as it is.",
  allChats: "All chats",
  exportAll: "Export all chats",
  importTitle: "Import",
  importDetail: "Files that Streamkeeper has exported (JSONL). What is here already is left alone.",
  choose: "Choose files…",
  copies: "Import as copies",
  open: "Open chat",
  close: "Close",
  exporting: "Exporting…",
  importing: (name) => `Importing ${name}…`,
  forking: "Copying…",
  received: (bytes) => `${size(bytes, "en")} MB`,
  saved: (name) => `Exported: ${name}`,
  brokenOff: "The connection broke off before all was here, so nothing was saved. Try again.",
  cancelled: "Cancelled. What was imported by then stays.",
  notWhole: "The file is not whole.",
  counts: ({ imported, incomplete, present, differs, refused }) =>
    [
      `Imported chats: ${imported + incomplete}; here already: ${present}.`,
      incomplete > 0 && `Not whole in the file, imported as far as they go: ${incomplete}.`,
      differs > 0 && `Here in another state, left as they are: ${differs}.`,
      refused > 0 && `Could not be read: ${refused}.`,
    ]
      .filter(Boolean)
      .join(" "),
};

const RU: TransferStrings = {
  title: "Экспорт и импорт",
  thisChat: "Этот чат",
  noChat: "Откройте чат, чтобы его экспортировать.",
  format: "Как",
  formats: {
    jsonl: "чат целиком (JSONL)",
    markdown: "текст (Markdown)",
    html: "страница (HTML)",
  },
  exportChat: "Экспортировать чат",
  fork: "Продолжить в копии",
  forkDetail: "Копия — отдельный чат; этот остаётся как есть.",
  allChats: "Все чаты",
  exportAll: "Экспортировать все чаты",
  importTitle: "Импорт",
  importDetail: "Файлы, экспортированные Streamkeeper (JSONL). То, что уже есть, не меняется.",
  choose: "Выбрать файлы…",
  copies: "Импортировать как копии",
  open: "Открыть чат",
  close: "Закрыть",
  exporting: "Экспорт…",
  importing: (name) => `Импорт ${name}…`,
  forking: "Копирование…",
  received: (bytes) => `${size(bytes, "ru")} МБ`,
  saved: (name) => `Экспортировано: ${name}`,
  brokenOff:
    "Соединение оборвалось раньше, чем пришло всё; ничего не сохранено. Попробуйте ещё раз.",
  cancelled: "Отменено. Что успело импортироваться, остаётся.",
  notWhole: "Файл неполон.",
  counts: ({ imported, incomplete, present, differs, refused }) =>
    [
      `Импортировано чатов: ${imported + incomplete}; уже были здесь: ${present}.`,
      incomplete > 0 && `В файле не целиком, импортированы насколько есть: ${incomplete}.`,
      differs > 0 && `Здесь в другом состоянии, оставлены как есть: ${differs}.`,
      refused > 0 && `Не удалось прочитать: ${refused}.`,
    ]
      .filter(Boolean)
      .join(" "),
};

export function transferStrings(): TransferStrings {
  return document.documentElement.lang.toLowerCase().startsWith("ru") ? RU : EN;
}
