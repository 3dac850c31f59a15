import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import {
  followLog,
  type LogEntry,
  lastWords,
  logPath,
  openLog,
  parseLogLine,
  placeOf,
} from "../../../extension/companion/companion-log.ts";
import { createLog } from "../../../server/log.ts";

async function withLog(body: (path: string) => Promise<void>): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), "streamkeeper-log-"));
  const path = logPath(dataDir);
  mkdirSync(dirname(path), { recursive: true });
  try {
    await body(path);
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
}

describe("the companion's log", () => {
  it("shows a line of the real logger with its level, message and fields", () => {
    let line = "";
    createLog("info", { write: (text) => void (line = text) }).warn(
      { turn_id: "t 1", ms: 120 },
      "slow",
    );
    assert.deepEqual(parseLogLine(line), { level: "warn", text: 'slow turn_id="t 1" ms=120' });
    assert.deepEqual(parseLogLine("plain words"), { level: "info", text: "plain words" });
    assert.equal(parseLogLine('{"level":"fatal","msg":"x"}').level, "error");
  });

  it("is followed line by line, from the offset on, also over a rotation", () =>
    withLog(async (path) => {
      const events = new EventEmitter();
      const seen: string[] = [];
      writeFileSync(path, "old\n");
      const tail = await followLog(path, 4, ({ text }: LogEntry) => {
        seen.push(text);
        events.emit("line");
      });
      const next = once(events, "line");
      appendFileSync(path, "fir");
      await tail.flush();
      assert.deepEqual(seen, []);
      appendFileSync(path, "st ж\n");
      await next;
      assert.deepEqual(seen, ["first ж"]);
      writeFileSync(path, "n\n");
      await tail.flush();
      assert.equal(seen.length, 2);
      appendFileSync(path, `${"x".repeat(200_000)}\nlast\n`);
      await tail.flush();
      assert.equal(seen.at(-1), "last");
      assert.deepEqual(
        seen.map(({ length }) => length),
        [7, 1, 200_000, 4],
      );
      tail.close();
    }));

  it("is private, and moved aside when it has grown large", () =>
    withLog(async (path) => {
      writeFileSync(path, Buffer.alloc(6 * 1024 * 1024, "x\n"));
      const file = await openLog(path);
      await file.close();
      assert.equal(statSync(path).size, 0);
      assert.equal(statSync(path).mode & 0o777, 0o600);
      assert.ok(existsSync(path.replace(".log", ".1.log")));
    }));

  it("tells the last words of a process: plain lines and errors before what it logged otherwise", () =>
    withLog(async (path) => {
      const info = '{"level":"info","msg":"closing"}\n';
      writeFileSync(path, `before\n`);
      appendFileSync(path, `${info}port 5 is taken\n${info}`);
      assert.equal(await lastWords(path, 7), "port 5 is taken");
      appendFileSync(path, `{"level":"fatal","msg":"disk full"}\n${info}`);
      assert.equal(await lastWords(path, 7), "disk full");
      const crash =
        "file.js:1\n  throw new E();\n  ^\n\nTypeError: x is not y\n    at z (a.js:1)\n\nNode.js v24\n";
      writeFileSync(path, crash);
      assert.equal(await lastWords(path, 0), "TypeError: x is not y");
      assert.equal(await lastWords(`${path}.none`, 0), "");
    }));

  it("knows of a line which chat and which turn it belongs to, and where it says so", () => {
    const log = { level: "warn", time: 1, pid: 2, msg: "slow transaction", seconds: 0.2 };
    const shown = (fields: object) =>
      `2026-01-01 10:00:00.000 [warning] [companion] ${parseLogLine(JSON.stringify({ ...log, ...fields })).text}`;
    const wordsOf = (line: string) => {
      const place = placeOf(line);
      return place && [place.session_id, place.turn_id, line.slice(place.from, place.to)];
    };
    assert.deepEqual(wordsOf(shown({ session_id: "s-1", turn_id: "t-1", trace_id: "x" })), [
      "s-1",
      "t-1",
      "turn_id=t-1",
    ]);
    assert.deepEqual(wordsOf(shown({ session_id: "s-1" })), ["s-1", undefined, "session_id=s-1"]);
    assert.equal(wordsOf(shown({})), undefined);
    assert.equal(wordsOf(shown({ turn_id: "t-1" })), undefined, "of no chat");
    assert.equal(wordsOf(shown({ err: 'a "session_id=s" of a stranger' })), undefined);
    assert.equal(wordsOf(shown({ session_id: "../s", turn_id: "t" })), undefined);
  });
});
