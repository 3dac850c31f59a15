// `npm run test:mutations`: keeps the tests honest. Each defect of the list is planted in a copy of the repository, and
// the tests named beside it must turn red, having been green without it.
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { findChromium } from "../setup/chromium.ts";

interface Mutation {
  defect: string;
  file: string;
  /** Must occur once. */
  find: string;
  replace: string;
  /** The guard: a test's file and a part of its title. */
  test: string;
  title: string;
}

const MUTATIONS: readonly Mutation[] = [
  {
    defect: "chunks are published before their commit",
    file: "server/chat/write-session.ts",
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
    file: "server/db/guarded-dialect.ts",
    find: "if (this.open) this.failure = thrown;",
    replace: "",
    test: "test/server/unit-of-work.test.ts",
    title: "refuses to commit after a statement error",
  },
  {
    defect: "nobody listens to errors of Postgres connections in use",
    file: "server/db/open.ts",
    find: 'pool.on("connect", (client) => client.on("error", note));',
    replace: "",
    test: "test/server/unit-of-work-faults.test.ts",
    title: "survives a restart in the middle of a transaction",
  },
  {
    defect: "files are closed to others after they were written",
    file: "server/runtime/data-dir.ts",
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
    file: "server/db/messages.ts",
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
];

const COPIED = ["server", "extension", "webview", "test", "docs", "l10n", "dist", "package.json"];
const copy = mkdtempSync(join(tmpdir(), "streamkeeper-mutations-"));
const env = {
  ...process.env,
  PATH: `${resolve("node_modules/.bin")}:${process.env["PATH"]}`,
  CHROMIUM: await findChromium(),
};
let missed = 0;
try {
  for (const name of COPIED) cpSync(name, join(copy, name), { recursive: true });
  symlinkSync(resolve("node_modules"), join(copy, "node_modules"));
  console.log("| planted defect | turned red |\n|---|---|");
  for (const mutation of MUTATIONS) {
    const verdict = tryOne(mutation);
    if (verdict !== "red") missed++;
    const { defect, title } = mutation;
    console.log(`| ${defect} | ${verdict === "red" ? `"${title} …"` : `**${verdict}**`} |`);
  }
} finally {
  rmSync(copy, { recursive: true, force: true });
}
console.log(`\n${MUTATIONS.length - missed} of ${MUTATIONS.length} caught`);
process.exit(missed > 0 ? 1 : 0);

function tryOne({ file, find, replace, test, title }: Mutation): string {
  const path = join(copy, file);
  const source = readFileSync(path, "utf8");
  if (source.split(find).length !== 2) return `its place is not in ${file} any more`;
  const before = runTest(test, title);
  if (!before.ran) return "no such test";
  if (!before.green) return "the test is red without it";
  writeFileSync(
    path,
    source.replace(find, () => replace),
  );
  try {
    return runTest(test, title).green ? "nobody noticed" : "red";
  } finally {
    writeFileSync(path, source);
  }
}

function runTest(file: string, title: string): { ran: boolean; green: boolean } {
  const args = ["--require=test/support/hooks.ts", "--timeout=20000", "--exit", "--reporter=dot"];
  const { status, stdout } = spawnSync(
    process.execPath,
    [join("node_modules", "mocha", "bin", "mocha.js"), ...args, `--fgrep=${title}`, file],
    { cwd: copy, env, encoding: "utf8", timeout: 180_000 },
  );
  const passing = Number(/(\d+) passing/.exec(stdout)?.[1] ?? 0);
  return { ran: status !== 0 || passing > 0, green: status === 0 && passing > 0 };
}
