import assert from "node:assert/strict";
import { loadShellReader } from "../../../server/domain/approvals/read-command.ts";

describe("what a command starts", () => {
  it("is known of what is written, and of nothing that only shows when it runs", async () => {
    const read = await loadShellReader();
    const isKnown = (command: string, shell = "bash") => read(command, shell).isUnderstood;
    for (const command of [
      "npm test > out.txt",
      "FOO=1 npm test",
      "for f in a b; do echo $f; done",
      "cat $(git ls-files)",
      "node build.js",
      "python3 tools/gen.py --all",
      "timeout 60 npm test",
      "find . -name x",
      "node --version",
    ]) {
      assert.equal(isKnown(command), true, command);
    }
    for (const command of [
      "$X test",
      "npm 'test",
      "npm() { x; }; npm test",
      "alias npm=x",
      "eval x",
      ". ./x.sh",
      "source x.sh",
      "bash x.sh",
      "bash -c 'npm test'",
      "node -e 'x'",
      "node --eval=x",
      "node -pe x",
      "python3 -c x",
      "python3 - <<EOF\nx\nEOF",
      "python3 <<EOF\nx\nEOF",
      "perl -ne x f",
      "env PATH=. npm test",
      "LD_PRELOAD=x npm test",
      "git_dir=x GIT_DIR=x git log",
      "echo a | xargs touch",
      "find . -exec touch {} +",
      "timeout 5 bash x.sh",
      "echo $(node -e x)",
      "cat <(python3 -c x)",
      "echo ${A:-$(eval x)}",
      "coproc x",
      "trap x EXIT",
      "",
    ]) {
      assert.equal(isKnown(command), false, command);
    }
    assert.equal(isKnown("npm test", "pwsh"), true);
    assert.equal(isKnown("npm test > x", "pwsh"), false);
    assert.equal(isKnown("npm test; and x", "fish"), false);
  });
});
