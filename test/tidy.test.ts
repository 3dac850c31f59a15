// Rules about the repository as a whole. Each rule is a function from sources to complaints, so
// that a test can also show it a planted violation: a guard that never barks is no guard.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Reader } from "../server/db/tables/schema.ts";
import { OPERATIONS } from "../server/observe/operations.ts";
import { CHUNK_TYPES } from "../server/protocol/chunks.ts";
import { byName, isNamedBy, ownMetrics, unfold, unrange } from "./support/documented.ts";
import { ROOMS } from "./support/rooms.ts";
import {
  codeOf,
  headingsOf,
  importsOf,
  readSources,
  type Source,
  titlesOf,
} from "./support/sources.ts";

const CODE = readSources(/\.(?:ts|tsx|mjs|cjs)$/);
const STYLES = readSources(/\.css$/);
const DOCS = readSources(/\.md$/);
const MAX_LINES = 400;

function foreignImports(sources: readonly Source[]): string[] {
  return sources.flatMap((source) => {
    const rule = ROOMS.find(({ room }) => room.test(source.path));
    if (!rule) return [`${source.path} is in no room`];
    const allowed = [rule.room, ...rule.may];
    return importsOf(source)
      .filter((target) => !allowed.some((pattern) => pattern.test(target)))
      .map((target) => `${source.path} imports ${target}`);
  });
}

/** Calls that begin or end a transaction, of Kysely and of drivers; and SQL that does. */
const TRANSACTION_CALL =
  /\.(?:transaction|startTransaction|savepoint|releaseSavepoint|rollbackToSavepoint|rollback)\(|\b(?:trx|transaction|savepoint|scope)\.commit\(/;
const TRANSACTION_SQL =
  /(?:\b(?:exec|query|raw|prepare|run|sql)|\btext:)\s*\(?\s*["'`](?:[^"'`]*;)?\s*(?:begin|start transaction|commit|rollback|savepoint|release)\b/i;

/** Files that may, and why. */
const MAY_TRANSACT = new Set([
  "server/db/commit/unit-of-work.ts", // the one door
  "server/db/commit/scope.ts", // how it begins one, or a savepoint of somebody else's
  "server/db/commit/read-back.ts", // how it asks what became of one whose answer was lost
  "server/db/commit/insert-group.ts", // many that only insert, one COMMIT, on Postgres
  "server/db/commit/commit-group.ts", // its physical half: many units of work, one COMMIT
  "server/db/commit/postgres-append-log.ts", // the same for the chunks of many streams, on Postgres
  "server/db/commit/append-worker.ts", // and on SQLite, in a thread of its own
  "server/db/engine/guarded-dialect.ts", // the driver below both, which Kysely calls
  "server/db/open-postgres.ts", // names the engine's BEGIN and COMMIT to the driver
  "server/db/open.ts", // names the engine's BEGIN to the driver; the health probe reads
  "server/db/engine/statement-names.ts", // asks a new connection twice, and writes nothing
  "server/db/engine/leader-lock.ts", // a lock file of its own, not the database
  "server/db/migrate-sqlite.ts", // the tables themselves, before anyone writes
]);

function transactionsElsewhere(sources: readonly Source[]): string[] {
  return sources
    .filter(({ path }) => path.startsWith("server/") && !MAY_TRANSACT.has(path))
    .flatMap(({ path, text }) =>
      codeOf(text)
        .split("\n")
        .filter((line) => TRANSACTION_CALL.test(line) || TRANSACTION_SQL.test(line))
        .map((line) => `${path}: ${line.trim()}`),
    );
}

/**
 * The connection that writes is handed to the unit of work where all is put
 * together, and nowhere else.
 */
function writersElsewhere(sources: readonly Source[]): string[] {
  return sources
    .filter(({ path }) => /^server\/(?!db\/|compose\.ts)/.test(path))
    .filter(({ text }) => /\.writer\b|\bCommitGroup\b/.test(codeOf(text)))
    .map(({ path }) => path);
}

function tooLong(sources: readonly Source[]): string[] {
  return sources
    .map(({ path, text }) => ({ path, lines: text.split("\n").length - 1 }))
    .filter(({ lines }) => lines > MAX_LINES)
    .map(({ path, lines }) => `${path} has ${lines} lines`);
}

const MAX_COLUMNS = 100;

/** The formatter wraps code, but no comments. */
function wideComments(sources: readonly Source[]): string[] {
  return sources.flatMap(({ path, text }) =>
    text
      .split("\n")
      .map((line, index) => ({ line, place: `${path}:${index + 1}` }))
      .filter(({ line }) => /^\s*(?:\/\/|\/\*|\* )/.test(line) && !/biome-|oxlint-/.test(line))
      .filter(({ line }) => line.length > MAX_COLUMNS && !/\S{90}/.test(line))
      .map(({ place }) => place),
  );
}

/** Files in a circle of imports, even of types, or between two circles. */
function circles(sources: readonly Source[]): string[] {
  const left = new Map(sources.map((source) => [source.path, importsOf(source)]));
  for (let before = -1; before !== left.size; ) {
    before = left.size;
    for (const [path, targets] of left) {
      if (!targets.some((target) => left.has(target))) left.delete(path);
    }
    const imported = new Set([...left.values()].flat());
    for (const path of left.keys()) if (!imported.has(path)) left.delete(path);
  }
  return [...left.keys()];
}

const MAX_FILES = 22;

function crowded(sources: readonly Source[]): string[] {
  const ours = sources.filter(({ path }) => !path.startsWith("test/"));
  const rooms = Map.groupBy(ours, ({ path }) => dirname(path));
  return [...rooms]
    .filter(([, files]) => files.length > MAX_FILES)
    .map(([room, files]) => `${room} has ${files.length} files`);
}

function impure(sources: readonly Source[]): string[] {
  return sources
    .filter(({ path }) => path.startsWith("server/domain/"))
    .filter(({ text }) =>
      /\b(?:Date|performance|async|await|process|fetch)\b|Math\.random/.test(codeOf(text)),
    )
    .map(({ path }) => path);
}

function environmentReaders(sources: readonly Source[]): string[] {
  return sources
    .filter(({ path }) => /^server\/.*\.ts$/.test(path) && path !== "server/main.ts")
    .filter(({ text }) => codeOf(text).includes("process.env"))
    .map(({ path }) => path);
}

function brokenLinks(sources: readonly Source[]): string[] {
  return sources.flatMap(({ path, text }) =>
    [...text.matchAll(/\]\(([^)#\s]+)[^)]*\)/g)]
      .map(([, target]) => target ?? "")
      .filter((target) => !/^[a-z]+:/.test(target) && !existsSync(join(dirname(path), target)))
      .map((target) => `${path}: ${target}`),
  );
}

function doc(path: string): Source {
  return { path, text: readFileSync(path, "utf8") };
}

describe("the directions of imports", () => {
  it("are kept by every file", () => {
    assert.deepEqual(foreignImports(CODE), []);
  });

  for (const [path, text, target] of [
    ["server/chat/x.ts", 'import pg from "pg";', "pg"],
    ["server/chat/x.ts", 'import type { Kysely } from "kysely";', "kysely"],
    ["server/http/x.ts", 'export { openDatabase } from "../db/open.ts";', "server/db/open.ts"],
    ["server/protocol/x.ts", 'import {\n  a,\n} from "../errors.ts";', "server/errors.ts"],
    ["server/protocol/x.ts", 'import "node:fs";', "node:fs"],
    ["webview/x.tsx", 'void import("vscode");', "vscode"],
    ["webview/x.ts", 'import "../server/errors.ts";', "server/errors.ts"],
    ["extension/x.ts", 'const d = require("better-sqlite3");', "better-sqlite3"],
    ["extension/x.ts", 'import type { A } from "../server/chat/chat.ts";', "server/chat/chat.ts"],
    ["server/doctor/files/x.ts", 'import { a } from "../check/a.ts";', "server/doctor/check/a.ts"],
    ["server/protocol/x.ts", 'import { a } from "./stored/a.ts";', "server/protocol/stored/a.ts"],
    [
      "server/providers/wire/x.ts",
      'import { a } from "./formats/a.ts";',
      "server/providers/wire/formats/a.ts",
    ],
    [
      "webview/components/base/x.ts",
      'import type { A } from "../root.tsx";',
      "webview/components/root.tsx",
    ],
    [
      "extension/tools/files/x.ts",
      'const { a } = await import("../run-tool.ts");',
      "extension/tools/run-tool.ts",
    ],
    ["server/db/x.ts", 'import { a } from "../../test/a.ts";', "test/a.ts"],
  ] as const) {
    it(`would be broken by ${path} with ${JSON.stringify(text)}`, () => {
      assert.deepEqual(foreignImports([{ path, text }]), [`${path} imports ${target}`]);
    });
  }

  it("would be broken by a file that belongs to no room", () => {
    assert.deepEqual(foreignImports([{ path: "lib/x.ts", text: "" }]), ["lib/x.ts is in no room"]);
  });
});

describe("the single commit path", () => {
  it("begins and ends transactions in the unit of work alone", () => {
    assert.deepEqual(transactionsElsewhere(CODE), []);
  });

  it("hands the writing connection to the unit of work alone", () => {
    assert.deepEqual(writersElsewhere(CODE), []);
  });

  for (const line of [
    "await db.transaction().execute(work);",
    "const trx = await db.startTransaction().execute();",
    "await trx.commit().execute();",
    "await trx.rollback().execute();",
    "await trx.savepoint('a').execute();",
    'database.exec("BEGIN IMMEDIATE");',
    'await client.query("commit");',
    "await sql`rollback`.execute(db);",
    "await sql`savepoint a`.execute(db);",
    'await client.query("select 1; commit;");',
    'await client.query({ text: "begin" });',
    "await db.executeQuery(CompiledQuery.raw('begin'));",
    "const insertAll = database.transaction((rows) => {});",
  ]) {
    it(`would be broken by ${line}`, () => {
      assert.equal(transactionsElsewhere([{ path: "server/chat/x.ts", text: line }]).length, 1);
    });
  }

  it("would be broken by a second user of the writing connection", () => {
    const text = "await deps.database.writer.insertInto('chunks')";
    assert.deepEqual(writersElsewhere([{ path: "server/chat/x.ts", text }]), ["server/chat/x.ts"]);
  });

  it("is not gone round by readers: the compiler refuses to let them write", () => {
    type Writing = "insertInto" | "updateTable" | "deleteFrom" | "mergeInto" | "schema" | "with";
    const isRefused: [Extract<keyof Reader, Writing | "transaction">] extends [never]
      ? true
      : false = true;
    assert.ok(isRefused);
  });

  it("is used with names of operations, in the words of everyday code", () => {
    const text = `await uow.commit("append_chunks", work);
const COMMIT_STATUSES = ["rollback"];
log.warn({ err }, "rollback failed");`;
    assert.deepEqual(transactionsElsewhere([{ path: "server/chat/x.ts", text }]), []);
  });
});

describe("the files", () => {
  it(`have at most ${MAX_LINES} lines`, () => {
    assert.deepEqual(tooLong([...CODE, ...STYLES]), []);
    const planted = { path: "x.ts", text: "\n".repeat(MAX_LINES + 1) };
    assert.deepEqual(tooLong([planted]), [`x.ts has ${MAX_LINES + 1} lines`]);
  });

  it(`have comments of at most ${MAX_COLUMNS} columns`, () => {
    assert.deepEqual(wideComments(CODE), []);
    const planted = { path: "x.ts", text: `${" ".repeat(30)}// ${"words ".repeat(12)}` };
    assert.deepEqual(wideComments([planted]), ["x.ts:1"]);
  });

  it("stand in rooms that can be overlooked", () => {
    assert.deepEqual(crowded(CODE), []);
    const planted = Array.from({ length: MAX_FILES + 1 }, (_, n) => {
      return { path: `server/x/${n}.ts`, text: "" };
    });
    assert.deepEqual(crowded(planted), [`server/x has ${MAX_FILES + 1} files`]);
  });

  it("import each other in no circle, not even types", () => {
    assert.deepEqual(circles(CODE), []);
    const planted = [
      { path: "server/a.ts", text: 'import { b } from "./x/b.ts";' },
      { path: "server/x/b.ts", text: 'import type { A } from "../a.ts";' },
      { path: "server/c.ts", text: 'import { a } from "./a.ts";' },
    ];
    assert.deepEqual(circles(planted), ["server/a.ts", "server/x/b.ts"]);
  });

  it("of the domain are pure", () => {
    assert.deepEqual(impure(CODE), []);
    const planted = { path: "server/domain/x.ts", text: "const now = new Date();" };
    assert.deepEqual(impure([planted]), [planted.path]);
  });

  it("of the server read the environment in one place", () => {
    assert.deepEqual(environmentReaders(CODE), []);
    const planted = { path: "server/chat/x.ts", text: "if (process.env.DEBUG) {}" };
    assert.deepEqual(environmentReaders([planted]), [planted.path]);
  });
});

describe("the documentation", () => {
  it("describes every type of chunk, and no other", () => {
    const headings = headingsOf(doc("docs/protocol.md")).filter((name) => !/^[A-Z]/.test(name));
    assert.deepEqual(headings.toSorted(), CHUNK_TYPES.toSorted());
  });

  it("explains every metric with its labels, and no other", () => {
    const documented = [...doc("docs/metrics.md").text.matchAll(/^\| `([a-z_]+)` \| ([^|]+) \|/gm)];
    const labels = (cell = "") => [...cell.matchAll(/`([a-z]+)`/g)].map(([, name]) => name ?? "");
    const found = documented.map(([, name, cell]) => ({ name, labels: labels(cell) }));
    assert.deepEqual(found.toSorted(byName), ownMetrics().toSorted(byName));
  });

  it("lists every operation", () => {
    const { text } = doc("docs/transactions.md");
    assert.deepEqual(
      OPERATIONS.filter((operation) => !text.includes(`\`${operation}\``)),
      [],
    );
  });

  it("lists every setting, and no other", () => {
    const manifest = readFileSync("package.json", "utf8");
    const settings = [...manifest.matchAll(/^ +"(streamkeeper\.[\w.]+)": \{$/gm)];
    const listed = [...doc("docs/extension.md").text.matchAll(/^\| `(streamkeeper\.[^`]+)` \|/gm)];
    assert.deepEqual(
      listed.flatMap(([, name]) => unfold(name ?? "")).toSorted(),
      settings.map(([, name]) => name ?? "").toSorted(),
    );
  });

  for (const path of ["docs/testing.md", "docs/security.md"]) {
    it(`names only tests that exist: ${path}`, () => {
      const titles = titlesOf(CODE);
      const named = [...doc(path).text.matchAll(/"([^"…]+)…?"/g)];
      assert.ok(named.length > 0);
      assert.deepEqual(
        named.map(([, name]) => name ?? "").filter((name) => !titles.some(isNamedBy(name))),
        [],
      );
    });
  }

  it("has a test for each attack in its list, and lists each that is tried", () => {
    const tried = titlesOf(CODE.filter(({ path }) => path.startsWith("test/security/"))).flatMap(
      (title) =>
        title
          .match(/^(?:[A-Z]\d+ )+/)?.[0]
          .trim()
          .split(" ") ?? [],
    );
    const rows = [...doc("docs/security.md").text.matchAll(/^\| ([A-Z]\d[^|]*) \|(.*)$/gm)];
    const listed = rows.flatMap(([, ids = "", rest = ""]) =>
      unrange(ids).map((id) => ({ id, elsewhere: rest.includes('"') })),
    );
    const untried = listed.filter(({ id, elsewhere }) => !elsewhere && !tried.includes(id));
    assert.deepEqual(untried, []);
    const ids = listed.map(({ id }) => id);
    assert.deepEqual(
      tried.filter((id) => !ids.includes(id)),
      [],
    );
    assert.ok(ids.length > 50);
  });

  it("names only files and rooms of the code that exist", () => {
    const missing = (sources: readonly Source[]): string[] =>
      sources.flatMap(({ path, text }) =>
        [...text.matchAll(/`([\w./-]*\w(?:\.tsx?|\/))`/g)]
          .map(([, named]) => named ?? "")
          // Those of a data directory are the user's.
          .filter((named) => !existsSync(named) && !/^(?:backups|logs|prometheus)\/$/.test(named))
          .filter((named) => !CODE.some((file) => `/${file.path}`.includes(`/${named}`)))
          .map((named) => `${path}: ${named}`),
      );
    assert.deepEqual(missing(DOCS), []);
    const planted = { path: "x.md", text: "`server/db/tables/`, `chat/turn/no-such.ts`" };
    assert.deepEqual(missing([planted]), ["x.md: chat/turn/no-such.ts"]);
  });

  it("links only to what exists", () => {
    assert.deepEqual(brokenLinks(DOCS), []);
    const planted = { path: "docs/x.md", text: "[here](nowhere.md#a)" };
    assert.deepEqual(brokenLinks([planted]), ["docs/x.md: nowhere.md"]);
  });
});
