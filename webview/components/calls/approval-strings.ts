// Texts of a call that waits for a person, loaded with its buttons.
import type { RuleText } from "../../../server/protocol/approvals.ts";
import type { DangerKind } from "../../../server/shared/command-dangers.ts";
import type { ProposedChange } from "../../messages.ts";

interface ApprovalStrings {
  approve: string;
  reject: string;
  rejectWhy: string;
  approveAlways: string;
  makeRule: string;
  noRule: string;
  always: Record<RuleText["type"], string>;
  editArguments: string;
  showChange: string;
  command: string;
  change: (path: string) => string;
  whole: (path: string) => string;
  made: (path: string) => string;
  counts: (added: number, removed: number) => string;
  /** Where no editor has looked at the file. */
  derived: string;
  cut: (lines: number) => string;
  inEditor: (lines: number) => string;
  line: (number: number) => string;
  lineEnds: Record<ProposedChange["line_ends"], string>;
  end: Record<"lf" | "crlf" | "cr" | "none", string>;
  details: string;
  careful: string;
  dangers: Record<DangerKind, string>;
}

const EN: ApprovalStrings = {
  approve: "Approve",
  reject: "Reject",
  rejectWhy: "Why not? (optional; the model reads it)",
  approveAlways: "Always in this chat",
  makeRule: "Always in this workspace…",
  noRule: "No rule can be made of this call: it asks each time.",
  always: {
    command: "Exactly this:",
    command_prefix: "What begins with",
    path: "Changes of",
    host: "Pages of",
  },
  editArguments: "Edit",
  showChange: "Show change",
  command: "Command",
  change: (path) => `Change of ${path}`,
  whole: (path) => `What ${path} will hold, as a whole`,
  made: (path) => `New file ${path}`,
  counts: (added, removed) => `${added} added, ${removed} removed`,
  derived: "as the call says it, without the file",
  cut: (lines) => `… ${lines} more lines: see the details`,
  inEditor: (lines) => `… ${lines} more lines: see the diff in the editor`,
  line: (number) => `… line ${number}`,
  lineEnds: { lf: "", crlf: "CRLF", cr: "CR", mixed: "mixed line ends" },
  end: { lf: "[LF]", crlf: "[CRLF]", cr: "[CR]", none: "[no line end]" },
  details: "Details (JSON)",
  careful: "Look closely:",
  dangers: {
    deletes: "Deletes",
    runs_unseen: "Runs what nobody has seen",
    as_root: "Runs with all rights",
    rewrites_history: "Overwrites what others may have",
    discards_work: "Discards work",
    outside: "Writes outside of its folder",
    permissions: "Changes who may do what",
    system: "Changes the machine",
    sends: "Sends something away",
    secret: "Touches keys or passwords",
    unclear: "Only shows what it does when it runs",
  },
};

const RU: ApprovalStrings = {
  approve: "Разрешить",
  reject: "Отклонить",
  rejectWhy: "Почему нет? (необязательно; модель это прочтёт)",
  approveAlways: "Всегда в этом чате",
  makeRule: "Всегда в этой рабочей области…",
  noRule: "Из этого вызова правило не сделать: о нём вопрос каждый раз.",
  always: {
    command: "Точно это:",
    command_prefix: "Всё, что начинается с",
    path: "Изменения в",
    host: "Страницы",
  },
  editArguments: "Изменить",
  showChange: "Показать изменение",
  command: "Команда",
  change: (path) => `Изменение в ${path}`,
  whole: (path) => `Всё, что будет в ${path}`,
  made: (path) => `Новый файл ${path}`,
  counts: (added, removed) => `добавлено ${added}, убрано ${removed}`,
  derived: "по словам вызова, без самого файла",
  cut: (lines) => `… ещё строк: ${lines}; они в подробностях`,
  inEditor: (lines) => `… ещё строк: ${lines}; они в сравнении в редакторе`,
  line: (number) => `… строка ${number}`,
  lineEnds: { lf: "", crlf: "CRLF", cr: "CR", mixed: "разные концы строк" },
  end: { lf: "[LF]", crlf: "[CRLF]", cr: "[CR]", none: "[без конца строки]" },
  details: "Подробности (JSON)",
  careful: "Посмотрите внимательно:",
  dangers: {
    deletes: "Удаляет",
    runs_unseen: "Выполняет то, чего никто не видел",
    as_root: "Выполняется со всеми правами",
    rewrites_history: "Затирает то, что может быть у других",
    discards_work: "Отбрасывает работу",
    outside: "Пишет вне своей папки",
    permissions: "Меняет права доступа",
    system: "Меняет саму машину",
    sends: "Отправляет что-то наружу",
    secret: "Касается ключей или паролей",
    unclear: "Что он делает, видно лишь при выполнении",
  },
};

export function approvalStrings(): ApprovalStrings {
  return document.documentElement.lang.toLowerCase().startsWith("ru") ? RU : EN;
}
