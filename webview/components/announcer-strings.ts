// Texts for screen readers, loaded with what tells them.
export interface AnnouncerStrings {
  start: string;
  code: string;
  end(words: number): string;
  interrupted: string;
  failed(reason: string): string;
  turn(number: number, of: number): string;
}

const EN: AnnouncerStrings = {
  start: "Answer started.",
  code: "Code.",
  end: (words) => `Answer finished, ${words} ${words === 1 ? "word" : "words"}.`,
  interrupted: "Answer interrupted.",
  failed: (reason) => `Answer failed. ${reason}`,
  turn: (number, of) => `Message ${number} of ${of} is shown.`,
};

const WORDS: Partial<Record<Intl.LDMLPluralRule, string>> = { one: "слово", few: "слова" };

const RU: AnnouncerStrings = {
  start: "Ответ начался.",
  code: "Код.",
  end: (words) =>
    `Ответ закончен, ${words} ${WORDS[new Intl.PluralRules("ru").select(words)] ?? "слов"}.`,
  interrupted: "Ответ прерван.",
  failed: (reason) => `Ответ не удался. ${reason}`,
  turn: (number, of) => `Показано сообщение ${number} из ${of}.`,
};

export function announcerStrings(): AnnouncerStrings {
  return document.documentElement.lang.toLowerCase().startsWith("ru") ? RU : EN;
}
