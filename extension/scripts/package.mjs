// `npm run package`: builds for production and packs streamkeeper-<target>.vsix. Nothing is
// compiled natively, so any platform can be packed on any other: npm run package -- --target
// darwin-arm64; `universal` is for all of them.
import { spawnSync } from "node:child_process";
import { existsSync, rmSync, statSync } from "node:fs";
import { parseArgs } from "node:util";

const MAX_BYTES = 3_000_000;
const MAX_BYTES_UNIVERSAL = 12_000_000;

const musl = process.platform === "linux" && existsSync("/etc/alpine-release");
const { values } = parseArgs({
  options: {
    target: {
      type: "string",
      default: `${musl ? "alpine" : process.platform}-${process.arch}`,
    },
  },
});
const file = `streamkeeper-${values.target}.vsix`;
const universal = values.target === "universal";
const budget = universal ? MAX_BYTES_UNIVERSAL : MAX_BYTES;

run(process.execPath, ["esbuild.mjs", "--production", "--target", values.target]);
rmSync(file, { force: true });
run(process.execPath, [
  "node_modules/@vscode/vsce/vsce",
  ...["package", "--out", file],
  ...(universal ? [] : ["--target", values.target]),
  // What the extension does for its user; the README is for those who build it. There is no
  // repository yet that links and pictures could lead to, and VS Code shows none from a package:
  // vsce refuses a page that has some.
  ...["--readme-path", "extension/page.md", "--allow-missing-repository"],
  // Everything is bundled.
  "--no-dependencies",
]);

const { size } = statSync(file);
console.log(`${file}: ${size} of ${budget} bytes`);
if (size > budget) {
  console.error(`${file} is over its budget by ${size - budget} bytes.`);
  process.exit(1);
}

function run(command, args) {
  const { status, error } = spawnSync(command, args, { stdio: "inherit" });
  if (status === 0) return;
  if (error) console.error(error.message);
  process.exit(status ?? 1);
}
