// docs/troubleshooting.md has an entry for everything that can go wrong, and nothing that cannot.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { alerts, runbookOf } from "../monitoring/alerts.ts";
import { anchorOf } from "../monitoring/dashboard.ts";
import { PANELS } from "../monitoring/panels.ts";
import { ERROR_CODES } from "../server/protocol/errors.ts";
import { headingsOf, logLinesOf, readSources, type Source, sectionOf } from "./support/sources.ts";

const PATH = "docs/troubleshooting.md";
const GUIDE: Source = { path: PATH, text: readFileSync(PATH, "utf8") };
const CODE = readSources(/^(?:server|extension)\/.*\.(?:ts|mjs)$/);
/** Logged by the name of the event. */
const EVENTS = ["uncaughtException", "unhandledRejection"].map((words) => ({
  level: "fatal",
  words,
}));

describe("the troubleshooting guide", () => {
  it("has an entry for every error code, and no other", () => {
    const entries = headingsOf(sectionOf(GUIDE, "Error codes"), 3);
    assert.deepEqual(entries.toSorted(), ERROR_CODES.toSorted());
  });

  it("has an entry for every alert, and no other", () => {
    const entries = headingsOf(sectionOf(GUIDE, "Alerts"), 3);
    assert.deepEqual(
      entries.toSorted(),
      alerts()
        .map(({ name }) => name)
        .toSorted(),
    );
  });

  it("explains every warning and error in the log of the companion, with its level, and no other", () => {
    const lines = CODE.filter(({ path }) => path.startsWith("server/")).flatMap(logLinesOf);
    const wordless = lines.filter(({ words }) => words === undefined).map(({ path }) => path);
    assert.deepEqual(wordless, ["server/lifecycle/shutdown.ts"], "only events have no words here");
    const rows = rowsOf("Of the companion");
    assert.deepEqual(
      rows.map(([, words, level]) => `${level} ${words}`).toSorted(),
      [...lines, ...EVENTS]
        .filter(({ words }) => words !== undefined)
        .map(({ level, words }) => `${level} ${words}`)
        .toSorted(),
    );
  });

  it("explains every warning and error in the log of the extension, and no other", () => {
    const lines = CODE.filter(({ path }) => path.startsWith("extension/")).flatMap(logLinesOf);
    const rows = rowsOf("Of the extension").map(([, words]) => words ?? "");
    assert.deepEqual(rows.toSorted(), lines.flatMap(({ words }) => words ?? []).toSorted());
  });

  it("would miss a line that is new", () => {
    const text = `deps.log.warn(\n  { err: f(1) },\n  "a new line",\n);\nlog.error(\`\${a(\`b\`)} c\`);`;
    const planted = logLinesOf({ path: "server/x.ts", text });
    assert.deepEqual(planted[0], { level: "warn", words: "a new line", path: "server/x.ts" });
    assert.equal(planted.length, 2);
  });

  it("says in every entry what it means, what is kept or how to see it, and what to do", () => {
    for (const section of ["What you see", "Alerts", "Error codes"]) {
      const [, ...entries] = sectionOf(GUIDE, section).text.split("\n### ");
      for (const entry of entries) {
        const parts = [...entry.matchAll(/^\*\*([^*]+)\.\*\*/gm)].map(([, name]) => name);
        const second = section === "Error codes" ? "Kept" : "How to see it";
        assert.deepEqual(parts, ["Meaning", second, "What to do"], entry.split("\n", 1)[0]);
      }
    }
  });

  it("is where its own links, the alerts and the dashboard lead", () => {
    const anchors = new Set([2, 3].flatMap((level) => headingsOf(GUIDE, level).map(anchorOf)));
    const asked = [
      ...[...GUIDE.text.matchAll(/\]\(#([^)]+)\)/g)].map(([, anchor]) => anchor ?? ""),
      ...alerts().map((alert) => runbookOf(alert).split("#")[1] ?? ""),
      ...PANELS.flatMap(({ panels }) => panels.map(({ entry }) => anchorOf(entry))),
    ];
    assert.deepEqual(
      asked.filter((anchor) => !anchors.has(anchor)),
      [],
    );
  });
});

/** First and second column of a table in the section on the log. */
function rowsOf(heading: string): RegExpMatchArray[] {
  const [, after = ""] = sectionOf(GUIDE, "Lines of the log").text.split(`\n### ${heading}\n`);
  const [table = ""] = after.split("\n### ", 1);
  return [...table.matchAll(/^\| `(.+?)` \| ([^|]+) \|/gm)];
}
