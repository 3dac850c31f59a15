// `npm run test:mutations [-- WORDS OF A DEFECT]`: keeps the tests honest. Each defect is
// planted in a copy of the repository, and the tests named beside it must turn red,
// having been green without it.
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { findChromium } from "../setup/chromium.ts";
import { MUTATIONS, type Mutation } from "./mutations.ts";

const COPIED = ["server", "extension", "webview", "test", "docs", "l10n", "dist", "package.json"];
const copy = mkdtempSync(join(tmpdir(), "streamkeeper-mutations-"));
const env = {
  ...process.env,
  PATH: `${resolve("node_modules/.bin")}:${process.env["PATH"]}`,
  CHROMIUM: await findChromium(),
};
const [wanted = ""] = process.argv.slice(2);
const chosen = MUTATIONS.filter(({ defect }) => defect.includes(wanted));
let missed = 0;
try {
  for (const name of COPIED) cpSync(name, join(copy, name), { recursive: true });
  symlinkSync(resolve("node_modules"), join(copy, "node_modules"));
  console.log("| planted defect | turned red |\n|---|---|");
  for (const mutation of chosen) {
    const verdict = tryOne(mutation);
    if (verdict !== "red") missed++;
    const { defect, title } = mutation;
    console.log(`| ${defect} | ${verdict === "red" ? `"${title} …"` : `**${verdict}**`} |`);
  }
} finally {
  rmSync(copy, { recursive: true, force: true });
}
console.log(`\n${chosen.length - missed} of ${chosen.length} caught`);
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
