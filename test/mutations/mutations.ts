// Defects that somebody could build in, and the test that must turn red for each.
export interface Mutation {
  defect: string;
  file: string;
  /** Must occur once. */
  find: string;
  replace: string;
  /** The guard: a test's file and a part of its title. */
  test: string;
  title: string;
}

export const MUTATIONS: readonly Mutation[] = [
  {
    defect: "chunks are published before their commit",
    file: "server/chat/log/write-session.ts",
    find: "afterCommit(() => hub.publish(sessionId, result.chunks));",
    replace: "hub.publish(sessionId, result.chunks); afterCommit(() => {});",
    test: "test/server/turns.test.ts",
    title: "never shows a chunk that a second connection cannot read yet",
  },
  {
    defect: "a plain BEGIN, not IMMEDIATE",
    file: "server/db/open.ts",
    find: 'begin: "begin immediate"',
    replace: 'begin: "begin"',
    test: "test/server/unit-of-work-faults.test.ts",
    title: "holds the write lock from its first read on",
  },
  {
    defect: "a statement's error may be swallowed",
    file: "server/db/engine/guarded-dialect.ts",
    find: "if (this.open) this.failure = thrown;",
    replace: "",
    test: "test/server/unit-of-work.test.ts",
    title: "refuses to commit after a statement error",
  },
  {
    defect: "nobody listens to errors of Postgres connections in use",
    file: "server/db/engine/postgres-pool.ts",
    find: 'pool.on("connect", (client) => client.on("error", note));',
    replace: "",
    test: "test/server/unit-of-work-faults.test.ts",
    title: "survives a restart in the middle of a transaction",
  },
  {
    defect: "files are closed to others after they were written",
    file: "server/lifecycle/data-dir.ts",
    find: "const file = openSync(path, flag, 0o600);",
    // Without the mask of the process, which is a second guard.
    replace:
      "const mask = process.umask(0o022); const file = openSync(path, flag); process.umask(mask); chmodSync(path, 0o600);",
    test: "test/security/machine.test.ts",
    title: "closed to others from their first byte on",
  },
  {
    defect: "any Host is answered",
    file: "server/http/guard.ts",
    find: "if (!allowed.includes(host)) {",
    replace: "if (!allowed.includes(host) && host === undefined) {",
    test: "test/server/http-door.test.ts",
    title: "answers only to its own name",
  },
  {
    defect: "conversations are ordered by the clock",
    file: "server/db/tables/messages.ts",
    find: '.orderBy("messages.position")',
    replace: '.orderBy("messages.created_at")',
    test: "test/server/clock-order.test.ts",
    title: "keeps its order when the clock goes back",
  },
  {
    defect: "the page may load images from anywhere",
    file: "server/http/web-app.ts",
    find: "img-src 'self' data:",
    replace: "img-src 'self' data: https: http:",
    test: "test/security/http.test.ts",
    title: "loads no image and sends nothing elsewhere",
  },
  {
    defect: "calls that wait stay open when their turn ends",
    file: "server/chat/turn/close-turn.ts",
    find: 'await moveToolCall(trx, call, call.status, { status: "cancelled", error: ending.message });',
    replace: "",
    test: "test/server/tool-calls.test.ts",
    title: "cancels a turn that waits",
  },
  {
    defect: "nothing is recovered at start",
    file: "server/chat/turn/recover-turns.ts",
    find: 'if (turn?.status !== "running" || !isAbandoned(deps, session)) return "alive";',
    replace: 'return "alive";',
    test: "test/server/turns.test.ts",
    title: "closes what a crash left open",
  },
  {
    defect: "an answer is continued by one companion after the other",
    file: "server/chat/turn/recover-turns.ts",
    find: "return !(await isContinued(trx, { sessionId, turnId, after }));",
    replace: "return true;",
    test: "test/server/continued-answers.test.ts",
    title: "is continued by another one in time, once, and whole",
  },
  {
    defect: "output that comes again is stored again",
    file: "server/chat/calls/tool-output.ts",
    find: "output.slice(said - offset)",
    replace: "output",
    test: "test/server/tool-output.test.ts",
    title: "is a part of the log once",
  },
  {
    defect: "what is done at intervals ends with its first error",
    file: "server/shared/every.ts",
    find: "      onError(err);",
    replace: "      onError(err); return;",
    test: "test/unit/shared/every.test.ts",
    title: "goes on after an error",
  },
  {
    defect: "a request that comes again is not known",
    file: "server/chat/log/asked.ts",
    find: "const stored = await findRequest(reader, asked.request_id);",
    replace: 'const stored = await findRequest(reader, "");',
    test: "test/server/turns.test.ts",
    title: "takes a repeated request_id once, however many come at the same time",
  },
  {
    defect: "both forms of the metrics share their counters",
    file: "server/observe/metrics.ts",
    find: "openMetrics.registerMetric(single instanceof Counter ? viewOf(single) : single);",
    replace: "openMetrics.registerMetric(single);",
    test: "test/monitoring/forms.test.ts",
    title: "have the same series, whichever was asked for before",
  },
];
