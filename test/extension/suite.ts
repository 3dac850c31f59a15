// What the extension host loads and runs; bundled before, because a host need
// not understand TypeScript.
import { appendFileSync, writeFileSync } from "node:fs";
import { format } from "node:util";
import Mocha from "mocha";
import { failureOf } from "../support/failure.ts";

export function run(): Promise<void> {
  // A workbench in a browser swallows what an extension host prints, so the report goes to a file.
  const output = process.env["EXTENSION_TEST_OUTPUT"];
  if (output) {
    Mocha.reporters.Base.consoleLog = (...args: unknown[]) =>
      appendFileSync(output, `${format(...args)}\n`);
  }
  const mocha = new Mocha({ ui: "bdd", color: false, timeout: 60_000 });
  const grep = process.env["TEST_GREP"];
  if (grep) mocha.grep(new RegExp(grep));
  mocha.suite.emit("pre-require", globalThis, null, mocha);
  require("./extension.test.ts");
  require("./companion.test.ts");
  require("./tools.test.ts");
  require("./commands.test.ts");
  require("./command-changes.test.ts");
  require("./searches.test.ts");
  require("./files.test.ts");
  require("./changes.test.ts");
  require("./foreign-tools.test.ts");
  require("./doctor.test.ts");
  require("./context.test.ts");
  require("./project-context.test.ts");
  require("./transfer.test.ts");
  const passed: string[] = [];
  const failed: unknown[] = [];
  return new Promise((resolve, reject) => {
    const runner = mocha.run((failures) => {
      // A host that is killed in mid-run looks like success from outside; this file
      // says how it really ended.
      const result = process.env["EXTENSION_TEST_RESULT"];
      if (result) writeFileSync(result, JSON.stringify({ ...runner.stats, passed, failed }));
      if (failures > 0) reject(new Error(`${failures} tests failed`));
      else resolve();
    });
    runner.on("pass", (test) => passed.push(test.fullTitle()));
    runner.on("fail", (test, error) => failed.push(failureOf(test, error)));
  });
}
