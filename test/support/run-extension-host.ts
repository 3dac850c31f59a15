// Mocha inside a real extension host: the desktop VS Code that VSCODE_EXECUTABLE
// names, else code-server's.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { runTests } from "@vscode/test-electron";

const scratch = mkdtempSync(join(tmpdir(), "streamkeeper-host-"));
const result = join(scratch, "result.json");
const userData = join(scratch, "user");
const desktop = process.env["VSCODE_EXECUTABLE"];
let failed: unknown;
try {
  await runTests({
    vscodeExecutablePath: desktop ?? resolve("test/support/vscode-launcher.ts"),
    extensionDevelopmentPath: [resolve("."), resolve("test/extension/foreign-tools")],
    extensionTestsPath: resolve("dist/test/suite.cjs"),
    launchArgs: [scratch, ...(desktop ? [`--user-data-dir=${userData}`] : [])],
    extensionTestsEnv: {
      EXTENSION_TEST_RESULT: result,
      TEST_GREP: process.env["TEST_GREP"],
      ...(desktop ? { EXTENSION_TEST_USER_DATA: userData } : {}),
    },
  });
} catch (thrown) {
  failed = thrown;
}
// The exit code alone is not enough: a host that is killed looks like success.
const stats: unknown = existsSync(result) ? JSON.parse(readFileSync(result, "utf8")) : undefined;
rmSync(scratch, { recursive: true, force: true });
const counts = process.env["TEST_COUNTS"];
if (stats && counts) writeFileSync(counts, JSON.stringify(stats));
if (failed || !stats) {
  console.error(failed ?? "the extension host did not reach the end of its tests");
  process.exit(1);
}
