// What the companion says of its database, in Russian; see russian-errors.ts.
import type { ErrorCode } from "../../protocol/errors.ts";
import type { Words } from "./phrases.ts";

const NOT_ANSWERING = "База данных не отвечает.";

export const STORAGE_IN_RUSSIAN = {
  database_unavailable: {
    general: NOT_ANSWERING,
    phrases: [
      ["The database does not answer.", NOT_ANSWERING],
      ["The database has not answered for a while.", "База данных давно не отвечает."],
      ["The database reports an error of its own.", "База данных сообщает о собственной ошибке."],
      ["The database refuses the companion.", "База данных не пускает сервер."],
      ["The disk reported an error while reading.", "Диск сообщил об ошибке чтения."],
      [
        "The database keeps what is saved on one machine only.",
        "База данных хранит сохранённое только на одной машине.",
      ],
      [
        "The database does not let the companion see whether a second machine has what is saved.",
        "База данных не показывает серверу, есть ли сохранённое на второй машине.",
      ],
      ["The second machine of the database is away.", "Второй машины базы данных сейчас нет."],
      [
        "None of the {0} database servers answers.",
        "Ни один из {0} серверов базы данных не отвечает.",
      ],
      [
        "None of the {0} database servers can be written: {1} of them only let themselves be read.",
        "Ни в один из {0} серверов базы данных нельзя записать: {1} из них только для чтения.",
      ],
    ],
  },
  storage_busy: {
    general: "База данных занята.",
    phrases: [
      ["The database is locked by another program.", "Базу данных держит другая программа."],
      ["The database did not get to it in time.", "База данных не успела."],
      ["The database has more to do than it gets done.", "База данных не справляется с нагрузкой."],
      [
        "The database has not let itself be written for a while.",
        "В базу данных давно не удаётся записать.",
      ],
    ],
  },
  storage_full: {
    general: "Место на диске кончилось.",
    phrases: [
      [
        "The disk is full, so nothing more can be saved.",
        "Диск полон, больше ничего сохранить нельзя.",
      ],
    ],
  },
  storage_readonly: {
    general: "В базу данных нельзя записать.",
    phrases: [
      ["The database cannot be written.", "В базу данных нельзя записать."],
      [
        "The database server is a standby: it can only be read.",
        "Сервер базы данных — резервный: его можно только читать.",
      ],
    ],
  },
  storage_corrupt: {
    general: "База данных повреждена.",
    phrases: [["The database file is damaged.", "Файл базы данных повреждён."]],
  },
  storage_gone: {
    general: "База данных исчезла во время работы.",
    phrases: [
      [
        "The database was taken away while the companion runs: {0}.",
        "База данных исчезла во время работы сервера: {0}.",
      ],
    ],
  },
  commit_failed: {
    general: "Сохранить не удалось.",
    phrases: [
      ["The disk reported an error while saving.", "Диск сообщил об ошибке записи."],
      ["The database ended this transaction by itself.", "База данных сама прервала запись."],
    ],
  },
  commit_outcome_unknown: {
    general: "Неизвестно, сохранился ли последний шаг.",
    phrases: [
      [
        "The database went away while saving, so it is not known whether the last step was saved.",
        "База данных пропала во время записи: неизвестно, сохранился ли последний шаг.",
      ],
    ],
  },
} satisfies Partial<Record<ErrorCode, Words>>;
