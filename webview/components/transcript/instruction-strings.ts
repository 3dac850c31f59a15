// Texts of the instructions that went with a message, loaded with their list.
import type { InstructionNote } from "../../../server/protocol/instructions.ts";

interface InstructionStrings {
  count: (told: number) => string;
  noted: (count: number) => string;
  /** Of the person's own, not the project's. */
  own: string;
  for: (files: string) => string;
  notes: Record<InstructionNote["code"], string>;
}

const EN: InstructionStrings = {
  count: (told) => (told === 1 ? "1 instruction" : `${told} instructions`),
  noted: (count) => (count === 1 ? "1 to look at" : `${count} to look at`),
  own: "your own",
  for: (files) => `for ${files}`,
  notes: {
    shortened: "Too long: the model was told its beginning, characters",
    hidden_characters: "Has hidden characters; they are shown as [U+…]",
    front_matter: "Not told: what stands between its first --- is not understood",
    unreadable: "Not told: it cannot be read",
    not_text: "Not told: it is no text in UTF-8 or UTF-16",
    too_large: "Not told: it is too large",
    too_many: "Not told: there are too many before it",
    outside: "Not told: it leads out of the workspace, or to what may hold keys",
  },
};

const FORMS: Partial<Record<Intl.LDMLPluralRule, string>> = { one: "указание", few: "указания" };

const RU: InstructionStrings = {
  count: (told) => `${told} ${FORMS[new Intl.PluralRules("ru").select(told)] ?? "указаний"}`,
  noted: (count) => `с замечаниями: ${count}`,
  own: "ваше собственное",
  for: (files) => `для ${files}`,
  notes: {
    shortened: "Слишком длинное: модели сообщено начало, знаков",
    hidden_characters: "Содержит скрытые знаки; они показаны как [U+…]",
    front_matter: "Не сообщено: не понято то, что стоит между первыми ---",
    unreadable: "Не сообщено: файл не читается",
    not_text: "Не сообщено: это не текст в UTF-8 или UTF-16",
    too_large: "Не сообщено: файл слишком велик",
    too_many: "Не сообщено: перед ним их слишком много",
    outside: "Не сообщено: ведёт за пределы рабочей области или туда, где могут быть ключи",
  },
};

export function instructionStrings(): InstructionStrings {
  return document.documentElement.lang.toLowerCase().startsWith("ru") ? RU : EN;
}
