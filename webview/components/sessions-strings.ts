// Texts of the list of chats, loaded with it.
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
  undo: "Отменить",
  deleted: (count) => `Удалённые чаты (${count})`,
  restore: (title) => `Вернуть «${title}»`,
  removeForGood: (title) => `Удалить «${title}» навсегда`,
};

export function sessionsStrings(): SessionsStrings {
  return document.documentElement.lang.toLowerCase().startsWith("ru") ? RU : EN;
}
