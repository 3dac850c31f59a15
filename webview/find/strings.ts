// Texts of the find bar, loaded with it.
interface FindStrings {
  find: string;
  next: string;
  previous: string;
  close: string;
  none: string;
  /** `more`: there may be others that are not drawn yet, or too many to count. */
  place(at: number, of: number, more: boolean): string;
}

const EN: FindStrings = {
  find: "Find in this chat",
  next: "Next match",
  previous: "Previous match",
  close: "Close",
  none: "Nothing found",
  place: (at, of, more) => `${at} of ${of}${more ? "+" : ""}`,
};

const RU: FindStrings = {
  find: "Найти в этом чате",
  next: "Следующее совпадение",
  previous: "Предыдущее совпадение",
  close: "Закрыть",
  none: "Ничего не найдено",
  place: (at, of, more) => `${at} из ${of}${more ? "+" : ""}`,
};

export function findStrings(): FindStrings {
  return document.documentElement.lang.toLowerCase().startsWith("ru") ? RU : EN;
}
