// Why a companion did not start or a doctor did not look, in Russian: told without a code, as the
// last words of a process.
import type { Phrase } from "./phrases.ts";

export const STARTS_IN_RUSSIAN: readonly Phrase[] = [
  [
    "{0} is on a network drive ({1}), where locks and flushed writes cannot be relied on.",
    "{0} на сетевом диске ({1}), где нельзя полагаться на блокировки и запись.",
  ],
  [
    "Choose a folder on a local disk (--data-dir, --database; in VS Code: streamkeeper.dataDirectory).",
    "Выберите папку на местном диске (--data-dir, --database; в VS Code: streamkeeper.dataDirectory).",
  ],
  ["{0} is not a directory (a link?).", "{0} — не папка (ссылка?)."],
  [
    "{0} belongs to another user; choose another --data-dir.",
    "{0} принадлежит другому пользователю; выберите другую папку данных.",
  ],
  [
    "{0} cannot be written ({1}: a read-only file system).",
    "В {0} нельзя записать ({1}: файловая система только для чтения).",
  ],
  ["{0} cannot be written ({1}: no permission).", "В {0} нельзя записать ({1}: нет прав)."],
  [
    "Nothing was changed; make it writable or choose another --data-dir.",
    "Ничего не изменено; откройте её для записи или выберите другую папку данных.",
  ],
  [
    "This Postgres is a standby: it can only be read.",
    "Этот Postgres — резервный: его можно только читать.",
  ],
  [
    "Start with the address of its primary, or promote it.",
    "Задайте адрес основного сервера или сделайте основным этот.",
  ],
  ["This Postgres lets itself only be read.", "Этот Postgres разрешает только чтение."],
  [
    "default_transaction_read_only is on for this server, database or user.",
    "У сервера, базы или пользователя включён default_transaction_read_only.",
  ],
  [
    "This Postgres does not show a transaction what others commit meanwhile.",
    "Этот Postgres не показывает транзакции, что тем временем сохраняют другие.",
  ],
  [
    "default_transaction_isolation has to be read committed for this server, database or user.",
    "У сервера, базы или пользователя default_transaction_isolation должен быть read committed.",
  ],
  [
    "--database leads through a proxy that pools transactions, such as PgBouncer. To make or change tables the server itself is needed.",
    "Адрес базы ведёт через посредника, который делит транзакции, например PgBouncer. Чтобы создать или изменить таблицы, нужен сам сервер.",
  ],
  [
    "Name it with --database-direct (or STREAMKEEPER_DATABASE_DIRECT), or set pool_mode to session.",
    "Укажите его в --database-direct (или STREAMKEEPER_DATABASE_DIRECT) либо задайте pool_mode = session.",
  ],
  [
    "This database was made by a newer Streamkeeper (it has {0}). Nothing in it was changed.",
    "Эту базу создал более новый Streamkeeper (в ней есть {0}). В ней ничего не изменено.",
  ],
  [
    "Update Streamkeeper, or start it with another database.",
    "Обновите Streamkeeper или запустите его с другой базой.",
  ],
  [
    "The database could not be brought to this version: {0}.",
    "Базу не удалось привести к этой версии: {0}.",
  ],
  ["{0} is a database of another program.", "{0} — база другой программы."],
  ["It was not changed. Start with another --database.", "Она не изменена. Выберите другую базу."],
  ["{0} is empty beside a log that is not.", "{0} пуст, а его журнал нет."],
  ["There is nothing at {0}.", "В {0} ничего нет."],
  ["There is no database {0} yet.", "Базы {0} ещё нет."],
  ["There is no file {0}.", "Файла {0} нет."],
  ["{0} does not exist.", "{0} не существует."],
  ["{0} is served by {1}. Nothing was changed; {2}.", "{0} занят: {1}. Ничего не изменено; {2}."],
];
