// Texts of the list of chats, loaded with it.
interface SessionsStrings {
  search: string;
  none: string;
  noneFound: string;
  more: string;
  title: string;
  rename(title: string): string;
  remove(title: string): string;
  removeQuestion(title: string): string;
  removeDetail: string;
}

const EN: SessionsStrings = {
  search: "Search chats",
  none: "No chats yet.",
  noneFound: "Nothing found.",
  more: "Show more",
  title: "Title of the chat",
  rename: (title) => `Rename “${title}”`,
  remove: (title) => `Delete “${title}”`,
  removeQuestion: (title) => `Delete “${title}”?`,
  removeDetail: "The chat and all its messages are removed for good.",
};

const RU: SessionsStrings = {
  search: "Поиск по чатам",
  none: "Чатов пока нет.",
  noneFound: "Ничего не найдено.",
  more: "Показать ещё",
  title: "Название чата",
  rename: (title) => `Переименовать «${title}»`,
  remove: (title) => `Удалить «${title}»`,
  removeQuestion: (title) => `Удалить «${title}»?`,
  removeDetail: "Чат и все его сообщения будут удалены навсегда.",
};

export function sessionsStrings(): SessionsStrings {
  return document.documentElement.lang.toLowerCase().startsWith("ru") ? RU : EN;
}
