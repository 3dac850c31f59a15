// `npm run code`: builds, then opens a VS Code with the extension from this checkout: the one that
// is installed (`code` on the PATH), else a downloaded one, else, where that cannot be reached,
// code-server in a browser.
//   npm run code -- FOLDER
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { installIfNeeded, nodeBinary, root, run } from "../../server/install.mjs";

const folder = resolve(process.argv[2] ?? ".");
process.chdir(root);
installIfNeeded();
// On the machine's own Node before the first install; what follows imports TypeScript.
if (Number.parseInt(process.versions.node) < 24) {
  run(nodeBinary(), ["extension/scripts/open.mjs", folder]);
  process.exit();
}
console.log("Building …");
run(nodeBinary(), ["esbuild.mjs"]);

const executable = installed() ?? (await downloaded());
if (executable === undefined) await openInBrowser();
else openDesktop(executable);

function installed() {
  const names = process.platform === "win32" ? ["code.cmd"] : ["code", "codium"];
  for (const place of (process.env.PATH ?? "").split(delimiter)) {
    for (const name of names) if (existsSync(join(place, name))) return join(place, name);
  }
}

async function downloaded() {
  console.log("No `code` on the PATH; downloading VS Code …");
  try {
    const { downloadAndUnzipVSCode } = await import("@vscode/test-electron");
    return await downloadAndUnzipVSCode();
  } catch (thrown) {
    console.log(`VS Code cannot be downloaded here (${messageOf(thrown)}).`);
  }
}

function openDesktop(path) {
  console.log(`Opening ${path} …`);
  const args = [`--extensionDevelopmentPath=${root}`, folder];
  // An administrator's account on Linux has to say both.
  if (process.getuid?.() === 0) {
    args.push("--no-sandbox", `--user-data-dir=${join(root, ".cache/vscode")}`);
  }
  const { status, error } = spawnSync(path, args, {
    stdio: "inherit",
    shell: process.platform === "win32",
  });
  if (error) console.error(error.message);
  process.exit(status ?? 1);
}

/** code-server has no development mode, so it gets the extension as a package. */
async function openInBrowser() {
  console.log("Using code-server from npm instead, in your browser.");
  const { installCodeServer } = await import("../../test/setup/vscode.ts");
  const { installVsix, startVscode, windowUrl } = await import("../../test/support/vscode-host.ts");
  await installCodeServer();
  const scratch = mkdtempSync(join(tmpdir(), "streamkeeper-code-"));
  const vsix = join(scratch, "streamkeeper.vsix");
  run(nodeBinary(), [
    ...["node_modules/@vscode/vsce/vsce", "package", "--out", vsix],
    ...["--no-dependencies", "--no-rewrite-relative-links", "--allow-missing-repository"],
  ]);
  const userDataDir = join(root, ".cache/code-server");
  mkdirSync(userDataDir, { recursive: true });
  installVsix(vsix, { userDataDir });
  rmSync(scratch, { recursive: true, force: true });
  const server = await startVscode({ userDataDir });
  console.log(`\nOpen ${windowUrl(server, { folder })}\nCtrl-C ends it.`);
  const died = () => process.exit(1);
  server.process.once("exit", died);
  const stop = () => {
    server.process.off("exit", died);
    void server.stop().finally(() => process.exit());
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.once(signal, stop);
}

function messageOf(thrown) {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
