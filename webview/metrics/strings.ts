import type { SlowCause } from "../../server/protocol/transactions.ts";

type Phase = "wait" | "body" | "commit";

/** Every text of the metrics view. */
export interface MetricsStrings {
  title: string;
  loading: string;
  lastMinute: string;
  commits: string;
  errors: string;
  rollbacks: string;
  slow: string;
  none: string;
  latency: string;
  threshold(value: string): string;
  minutesAgo(minutes: number): string;
  now: string;
  chartLabel(summary: string): string;
  chartEmpty: string;
  asTable: string;
  time: string;
  phases: string;
  phaseNames: Record<Phase, string>;
  phaseHints: Record<Phase, string>;
  slowOnes(threshold: string): string;
  noSlow: string;
  causes: Record<SlowCause, (size: string, attempts: number) => string>;
  mostly: Record<Phase, string>;
  noCause: string;
  recent: string;
  empty: string;
  emptyHint: string;
  columns: {
    age: string;
    operation: string;
    status: string;
    total: string;
    chat: string;
  };
  statuses: { success: string; error: string; rollback: string };
  shared(others: number): string;
  openChat: string;
  openChatOf(operation: string): string;
  openTurn: string;
  openTurnOf(operation: string): string;
  ago(seconds: number): string;
  storage(engine: "sqlite" | "postgres", durability: "full" | "balanced"): string;
  prometheus: string;
  prometheusHint: string;
  copyUrl: string;
  copyConfig: string;
  showLog: string;
  restart: string;
}

const EN: MetricsStrings = {
  title: "Commit latency",
  loading: "Reading the figures…",
  lastMinute: "Last minute",
  commits: "Commits",
  errors: "Failed commits",
  rollbacks: "Rollbacks",
  slow: "Slow",
  none: "–",
  latency: "Last 15 minutes",
  threshold: (value) => `slow: over ${value}`,
  minutesAgo: (minutes) => `${minutes} min ago`,
  now: "now",
  chartLabel: (summary) => `Commit latency of the last 15 minutes. ${summary}`,
  chartEmpty: "Nothing was committed.",
  asTable: "As a table",
  time: "Time",
  phases: "Where the time went",
  phaseNames: { wait: "Waiting", body: "Statements", commit: "COMMIT" },
  phaseHints: {
    wait: "for its turn to write",
    body: "that read and write its rows",
    commit: "until the disk or the server has confirmed",
  },
  slowOnes: (threshold) => `Slow transactions, over ${threshold}`,
  noSlow: "None since the companion started.",
  causes: {
    lock_wait: (_size, attempts) =>
      `another program or connection held the lock (${attempts} attempts)`,
    connection_lost: (_size, attempts) =>
      `the connection to the database broke (${attempts} attempts)`,
    fsync: () => "the disk took long to confirm what was written (fsync)",
    checkpoint: () => "a checkpoint of the database used the disk at the same time",
    big_write: (size) => `it wrote much text at once (${size} characters)`,
  },
  mostly: {
    wait: "Mostly waiting",
    body: "Mostly its statements",
    commit: "Mostly the COMMIT",
  },
  noCause: "why was not measured",
  recent: "Last transactions",
  empty: "Nothing was committed yet.",
  emptyHint: "Send a message in the chat: each step of an answer appears here.",
  columns: {
    age: "Age",
    operation: "Operation",
    status: "Status",
    total: "Total",
    chat: "Chat",
  },
  statuses: { success: "committed", error: "COMMIT failed", rollback: "rolled back" },
  shared: (others) => `shared with ${others} more`,
  openChat: "Open chat",
  openChatOf: (operation) => `Open chat of ${operation}`,
  openTurn: "Show in chat",
  openTurnOf: (operation) => `Show in chat what ${operation} belongs to`,
  ago: (seconds) => (seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min`),
  storage: (engine, durability) =>
    `${engine === "sqlite" ? "SQLite" : "PostgreSQL"} · durability ${durability}`,
  prometheus: "For Prometheus",
  prometheusHint: "Finds the companion at every start, whatever port it has.",
  copyUrl: "Copy metrics URL",
  copyConfig: "Copy scrape configuration",
  showLog: "Show log",
  restart: "Restart server",
};

const RU: MetricsStrings = {
  title: "Задержка фиксации",
  loading: "Чтение показателей…",
  lastMinute: "Последняя минута",
  commits: "Фиксаций",
  errors: "Неудачных фиксаций",
  rollbacks: "Откатов",
  slow: "Медленных",
  none: "–",
  latency: "Последние 15 минут",
  threshold: (value) => `медленно: дольше ${value}`,
  minutesAgo: (minutes) => `${minutes} мин назад`,
  now: "сейчас",
  chartLabel: (summary) => `Задержка фиксации за последние 15 минут. ${summary}`,
  chartEmpty: "Ничего не фиксировалось.",
  asTable: "Таблицей",
  time: "Время",
  phases: "На что ушло время",
  phaseNames: { wait: "Ожидание", body: "Запросы", commit: "COMMIT" },
  phaseHints: {
    wait: "своей очереди на запись",
    body: "к своим строкам",
    commit: "до подтверждения диском или сервером",
  },
  slowOnes: (threshold) => `Медленные транзакции, дольше ${threshold}`,
  noSlow: "Не было с запуска сервера-спутника.",
  causes: {
    lock_wait: (_size, attempts) =>
      `блокировку держала другая программа или соединение (попыток: ${attempts})`,
    connection_lost: (_size, attempts) =>
      `прервалось соединение с базой данных (попыток: ${attempts})`,
    fsync: () => "диск долго подтверждал запись (fsync)",
    checkpoint: () => "в это время диск занимала контрольная точка базы данных",
    big_write: (size) => `записано сразу много текста (символов: ${size})`,
  },
  mostly: {
    wait: "В основном ожидание",
    body: "В основном запросы",
    commit: "В основном COMMIT",
  },
  noCause: "причина не измерена",
  recent: "Последние транзакции",
  empty: "Пока ничего не фиксировалось.",
  emptyHint: "Отправьте сообщение в чат: здесь появится каждый шаг ответа.",
  columns: {
    age: "Давность",
    operation: "Операция",
    status: "Итог",
    total: "Всего",
    chat: "Чат",
  },
  statuses: { success: "зафиксирована", error: "сбой COMMIT", rollback: "откат" },
  shared: (others) => `вместе с другими: ${others}`,
  openChat: "Открыть чат",
  openChatOf: (operation) => `Открыть чат операции ${operation}`,
  openTurn: "Показать в чате",
  openTurnOf: (operation) => `Показать в чате, к чему относится ${operation}`,
  ago: (seconds) => (seconds < 60 ? `${seconds} с` : `${Math.floor(seconds / 60)} мин`),
  storage: (engine, durability) =>
    `${engine === "sqlite" ? "SQLite" : "PostgreSQL"} · надёжность ${durability}`,
  prometheus: "Для Prometheus",
  prometheusHint: "Находит сервер-спутник при каждом запуске, какой бы порт он ни занял.",
  copyUrl: "Копировать адрес метрик",
  copyConfig: "Копировать настройку сбора",
  showLog: "Показать журнал",
  restart: "Перезапустить сервер",
};

export function pickMetricsStrings(language: string): MetricsStrings {
  return language.toLowerCase().split("-", 1)[0] === "ru" ? RU : EN;
}
