// Mocha's spec report, with its counts also in the file that TEST_COUNTS names.
const { writeFileSync } = require("node:fs");
const { reporters, Runner } = require("mocha");
const { failureOf } = require("./failure.ts");

const EXIT_WITHIN_MS = 10_000;
const EXIT_LEFT_OPEN = 70;

module.exports = class CountingReporter extends reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    const passed = [];
    runner.on(Runner.constants.EVENT_TEST_PASS, (test) => passed.push(test.fullTitle()));
    runner.once(Runner.constants.EVENT_RUN_END, () => {
      const { passes, failures, pending } = runner.stats;
      const failed = this.failures.map((test) => failureOf(test, test.err));
      const file = process.env.TEST_COUNTS;
      if (file) writeFileSync(file, JSON.stringify({ passes, passed, failures, pending, failed }));
      // Tests that close what they open let the process end; those that do not
      // must not hold it for ever.
      setTimeout(() => {
        console.error("Tests left something open:", process.getActiveResourcesInfo().join(", "));
        // Mocha sets its own code at the exit.
        process.on("exit", () => {
          process.exitCode = EXIT_LEFT_OPEN;
        });
        process.exit();
      }, EXIT_WITHIN_MS).unref();
    });
  }
};
