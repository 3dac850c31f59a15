// Texts of what is attached to a message, loaded with it.
interface AttachmentStrings {
  attach: string;
  attached: string;
  remove(name: string): string;
  enlarge(name: string): string;
  save(name: string): string;
  again(name: string): string;
  download: string;
  close: string;
  size(bytes: number): string;
  added(names: string): string;
  unknown(name: string): string;
  broken(name: string): string;
  tooLarge(name: string): string;
  tooMuch: string;
  tooMany: string;
  takesWhat: string;
  leftOut: string;
  notKept(name: string): string;
  notKeptHint: string;
  lost(name: string): string;
  notTaken(model: string, isPicture: boolean): string;
}

const EN: AttachmentStrings = {
  attach: "Attach pictures or PDF files",
  attached: "Attached",
  remove: (name) => `Remove ${name}`,
  enlarge: (name) => `${name}: show larger`,
  save: (name) => `${name}: save`,
  again: (name) => `${name} was not loaded: try again`,
  download: "Save",
  close: "Close",
  size: (bytes) => inUnits(bytes, "en", ["KB", "MB"]),
  added: (names) => `Attached: ${names}`,
  unknown: (name) => `${name} cannot be attached: it is no picture and no PDF that models take.`,
  broken: (name) =>
    `${name} cannot be attached: the picture is damaged, or too large to be opened.`,
  tooLarge: (name) => `${name} cannot be attached: it is larger than 10 MB, more than models take.`,
  tooMuch: "Together it is more than 16 MB, which is all that goes with one message.",
  tooMany: "20 attachments go with one message, no more.",
  takesWhat:
    "PNG, JPEG, GIF, WebP and PDF can be attached. Paste the text of other files into the message.",
  leftOut: "It was left out. What was attached before is there.",
  notKept: (name) => `${name} is attached, but would not survive a reload of this page.`,
  notKeptHint: "There is no room left to keep drafts. Send the message to have it stored.",
  lost: (name) => `${name} was lost with a reload of this page. Attach it once more.`,
  notTaken: (model, isPicture) =>
    `${model} takes no ${isPicture ? "pictures" : "PDF files"}. Choose another model, or remove what is attached.`,
};

const RU: AttachmentStrings = {
  attach: "Приложить изображения или PDF",
  attached: "Приложено",
  remove: (name) => `Убрать ${name}`,
  enlarge: (name) => `${name}: показать крупнее`,
  save: (name) => `${name}: сохранить`,
  again: (name) => `${name}: не загрузилось, попробовать снова`,
  download: "Сохранить",
  close: "Закрыть",
  size: (bytes) => inUnits(bytes, "ru", ["КБ", "МБ"]),
  added: (names) => `Приложено: ${names}`,
  unknown: (name) =>
    `${name} нельзя приложить: это не изображение и не PDF из тех, что принимают модели.`,
  broken: (name) =>
    `${name} нельзя приложить: изображение повреждено или слишком велико, чтобы его открыть.`,
  tooLarge: (name) => `${name} нельзя приложить: больше 10 МБ модели не принимают.`,
  tooMuch: "Вместе это больше 16 МБ, а больше с одним сообщением не отправить.",
  tooMany: "С одним сообщением отправляется не больше 20 вложений.",
  takesWhat:
    "Приложить можно PNG, JPEG, GIF, WebP и PDF. Текст других файлов вставьте в сообщение.",
  leftOut: "Это не приложено. Приложенное раньше осталось.",
  notKept: (name) => `${name} приложено, но перезагрузку этой страницы не переживёт.`,
  notKeptHint: "Места для черновиков больше нет. Отправьте сообщение, и оно сохранится.",
  lost: (name) => `${name} пропало при перезагрузке страницы. Приложите ещё раз.`,
  notTaken: (model, isPicture) =>
    `${model} не принимает ${isPicture ? "изображения" : "файлы PDF"}. Выберите другую модель или уберите вложения.`,
};

function inUnits(bytes: number, language: string, [kb, mb]: readonly [string, string]): string {
  const isLarge = bytes >= 1024 * 1024;
  const value = Math.max(bytes / 1024 / (isLarge ? 1024 : 1), 0.1);
  const shown = value.toLocaleString(language, { maximumFractionDigits: value < 10 ? 1 : 0 });
  return `${shown} ${isLarge ? mb : kb}`;
}

export function attachmentStrings(): AttachmentStrings {
  return document.documentElement.lang.toLowerCase().startsWith("ru") ? RU : EN;
}
