// Texts of the list of chats, loaded with it.
import type { Day } from "./days.ts";

interface SessionsStrings {
  search: string;
  none: string;
  noneFound: string;
  more: string;
  transfer: string;
  title: string;
  rename(title: string): string;
  remove(title: string): string;
  removeQuestion(title: string): string;
  removeDetail(days: number): string;
  removed(title: string): string;
  archived(title: string): string;
  pin(title: string): string;
  unpin(title: string): string;
  archive(title: string): string;
  unarchive(title: string): string;
  /** Which chats are shown. */
  shown: string;
  all: string;
  archiveName: string;
  here: string;
  noneArchived: string;
  pinned: string;
  days: Record<Day, string>;
  undo: string;
  deleted(count: number): string;
  restore(title: string): string;
  removeForGood(title: string): string;
}

const EN: SessionsStrings = {
  search: "Search chats",
  none: "No chats yet.",
  noneFound: "Nothing found.",
  more: "Show more",
  transfer: "Export and import",
  title: "Title of the chat",
  rename: (title) => `Rename “${title}”`,
  remove: (title) => `Delete “${title}”`,
  removeQuestion: (title) => `Delete “${title}”?`,
  removeDetail: (days) =>
    days > 0
      ? `You can bring it back for ${days} ${days === 1 ? "day" : "days"}, from the end of this list. Then it is removed for good.`
      : "The chat and all its messages are removed for good.",
  removed: (title) => `“${title}” is deleted.`,
  archived: (title) => `“${title}” is archived.`,
  pin: (title) => `Pin “${title}”`,
  unpin: (title) => `Unpin “${title}”`,
  archive: (title) => `Archive “${title}”`,
  unarchive: (title) => `Take “${title}” out of the archive`,
  shown: "Chats to show",
  all: "All chats",
  archiveName: "Archive",
  here: "This workspace",
  noneArchived: "Nothing is archived.",
  pinned: "Pinned",
  days: {
    today: "Today",
    yesterday: "Yesterday",
    week: "Previous 7 days",
    month: "Previous 30 days",
    older: "Older",
  },
  undo: "Undo",
  deleted: (count) => `Deleted chats (${count})`,
  restore: (title) => `Bring “${title}” back`,
  removeForGood: (title) => `Delete “${title}” for good`,
};

const RU: SessionsStrings = {
  search: "Поиск по чатам",
  none: "Чатов пока нет.",
  noneFound: "Ничего не найдено.",
  more: "Показать ещё",
  transfer: "Экспорт и импорт",
  title: "Название чата",
  rename: (title) => `Переименовать «${title}»`,
  remove: (title) => `Удалить «${title}»`,
  removeQuestion: (title) => `Удалить «${title}»?`,
  removeDetail: (days) =>
    days > 0
      ? `Его можно вернуть в конце этого списка (сколько дней: ${days}). Потом он удаляется навсегда.`
      : "Чат и все его сообщения будут удалены навсегда.",
  removed: (title) => `Чат «${title}» удалён.`,
  archived: (title) => `Чат «${title}» в архиве.`,
  pin: (title) => `Закрепить «${title}»`,
  unpin: (title) => `Открепить «${title}»`,
  archive: (title) => `Убрать «${title}» в архив`,
  unarchive: (title) => `Вернуть «${title}» из архива`,
  shown: "Какие чаты показать",
  all: "Все чаты",
  archiveName: "Архив",
  here: "Эта рабочая область",
  noneArchived: "В архиве ничего нет.",
  pinned: "Закреплённые",
  days: {
    today: "Сегодня",
    yesterday: "Вчера",
    week: "Предыдущие 7 дней",
    month: "Предыдущие 30 дней",
    older: "Раньше",
  },
  undo: "Отменить",
  deleted: (count) => `Удалённые чаты (${count})`,
  restore: (title) => `Вернуть «${title}»`,
  removeForGood: (title) => `Удалить «${title}» навсегда`,
};

export function sessionsStrings(): SessionsStrings {
  return document.documentElement.lang.toLowerCase().startsWith("ru") ? RU : EN;
}
