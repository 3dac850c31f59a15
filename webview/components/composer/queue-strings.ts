// Texts of the messages that wait, loaded with them.
import type { HeldBecause } from "../../../server/protocol/stream-events.ts";

interface QueueStrings {
  queue: string;
  /** For screen readers, each time that it is another number. */
  waiting(count: number): string;
  /** By why it is held; the last one for what a newer companion knows. */
  held: Record<HeldBecause | "other", string>;
  resume: string;
  steers: string;
  attached(count: number): string;
  edit(words: string): string;
  text: string;
  save: string;
  cancel: string;
  now(words: string): string;
  takeBack(words: string): string;
  sentAsItWas: string;
}

const EN: QueueStrings = {
  queue: "Messages that wait",
  waiting: (count) => (count === 1 ? "One message waits" : `${count} messages wait`),
  held: {
    stopped: "You stopped the answer, so these wait for you.",
    failed: "The answer failed, so these wait for you.",
    refused: "The first of these could not be sent, so they wait for you.",
    restored: "The database went back to an older state, so these wait for you.",
    other: "These wait for you.",
  },
  resume: "Send them",
  steers: "read at the next step",
  attached: (count) => (count === 1 ? "1 attachment" : `${count} attachments`),
  edit: (words) => `Edit “${words}”`,
  text: "Message that waits",
  save: "Save",
  cancel: "Cancel",
  now: (words) => `Send now: “${words}”`,
  takeBack: (words) => `Take back into the draft: “${words}”`,
  sentAsItWas: "The message was sent as it was before. What you changed is in the draft.",
};

const RU: QueueStrings = {
  queue: "Ожидающие сообщения",
  waiting: (count) => (count === 1 ? "Ждёт одно сообщение" : `Ждут сообщения: ${count}`),
  held: {
    stopped: "Вы остановили ответ, поэтому эти сообщения ждут вас.",
    failed: "Ответ не удался, поэтому эти сообщения ждут вас.",
    refused: "Первое из этих сообщений не удалось отправить, поэтому они ждут вас.",
    restored: "База данных вернулась к прежнему состоянию, поэтому эти сообщения ждут вас.",
    other: "Эти сообщения ждут вас.",
  },
  resume: "Отправить их",
  steers: "прочтёт на следующем шаге",
  attached: (count) => `вложений: ${count}`,
  edit: (words) => `Изменить «${words}»`,
  text: "Ожидающее сообщение",
  save: "Сохранить",
  cancel: "Отмена",
  now: (words) => `Отправить сейчас: «${words}»`,
  takeBack: (words) => `Вернуть в черновик: «${words}»`,
  sentAsItWas: "Сообщение ушло таким, каким было. Ваши изменения — в черновике.",
};

export function queueStrings(): QueueStrings {
  return document.documentElement.lang.toLowerCase().startsWith("ru") ? RU : EN;
}
