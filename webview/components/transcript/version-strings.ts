// Texts of the versions of a message, loaded with their buttons.

interface VersionStrings {
  versions: string;
  older: (number: number, of: number) => string;
  newer: (number: number, of: number) => string;
  at: (number: number, of: number) => string;
  takenBack: string;
  bringBack: string;
}

const EN: VersionStrings = {
  versions: "Versions of this message",
  older: (number, of) => `Older version (this is ${number} of ${of})`,
  newer: (number, of) => `Newer version (this is ${number} of ${of})`,
  at: (number, of) => `${number}/${of}`,
  takenBack: "What followed here was taken back. It is kept.",
  bringBack: "Bring it back",
};

const RU: VersionStrings = {
  versions: "Версии этого сообщения",
  older: (number, of) => `Прежняя версия (это ${number} из ${of})`,
  newer: (number, of) => `Следующая версия (это ${number} из ${of})`,
  at: (number, of) => `${number}/${of}`,
  takenBack: "То, что здесь было дальше, отменено, но сохранено.",
  bringBack: "Вернуть",
};

export function versionStrings(): VersionStrings {
  return document.documentElement.lang.toLowerCase().startsWith("ru") ? RU : EN;
}
