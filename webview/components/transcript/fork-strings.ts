// Texts of copies of a chat, loaded with their buttons.

interface ForkStrings {
  fork: string;
  forked: string;
}

const EN: ForkStrings = {
  fork: "Go on in a copy from here",
  forked: "This is a copy of the chat up to that answer. The first one stays as it is.",
};

const RU: ForkStrings = {
  fork: "Продолжить отсюда в копии",
  forked: "Это копия чата до того ответа. Первый чат остаётся как есть.",
};

export function forkStrings(): ForkStrings {
  return document.documentElement.lang.toLowerCase().startsWith("ru") ? RU : EN;
}
