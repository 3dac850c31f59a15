// Builds everything into dist/: node esbuild.mjs [--production] [--watch] [--target linux-x64]
//   dist/extension/extension.cjs the extension (VS Code loads it); first-use.cjs beside
//   it with all that can wait,
//                                  run-tool.cjs with the editor's tools, command-changes.cjs
//                                  with what looks for files that a command changed,
//                                  invoke-foreign.cjs with what calls others',
//                                  mentions.cjs with what reads context for a message,
//                                  project-context.cjs with what of it is a folder, a commit
//                                  or all changes,
//                                  instructions.cjs with what
//                                  people have written down for models,
//                                  changes.cjs with what keeps and undoes what turns changed,
//                                  metrics-view.cjs with the page of figures, proposals.cjs
//                                  with changes of files that wait to be decided,
//                                  in-russian.cjs with what the companion says, for who reads it so
//   dist/server/main.js the companion; what it needs only sometimes is in chunks beside it
//   dist/server/*-worker.js        its threads: the hot path, checkpoints, long reads,
//                                  files of chats, models' answers
//   dist/server/copy-database.js   the process that makes a backup
//   dist/server/prebuilds/         SQLite's binary for the target platform
//   dist/webview/                  the web app, for the panel and for a browser
//   dist/test/suite.cjs            the tests that run inside an extension host
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { parseArgs } from "node:util";
import * as esbuild from "esbuild";
import {
  leanMarkdown,
  leanMermaid,
  leanPurify,
  onlyUtf8,
  onlyWoff2,
  ourIcons,
  pureSchemas,
  shortLists,
} from "./extension/scripts/leave-out.mjs";
import { loadable } from "./extension/scripts/loadable.mjs";

const { values: flags } = parseArgs({
  options: {
    production: { type: "boolean", default: false },
    watch: { type: "boolean", default: false },
    target: { type: "string", default: defaultTarget() },
  },
});
const require = createRequire(import.meta.url);

/** Bytes; a build that outgrows them fails. */
const BUDGET = {
  // What VS Code loads at its start, and what the first use loads.
  "extension/extension.cjs": 10_000,
  "extension/changes.cjs": 40_000,
  "extension/command-changes.cjs": 12_000,
  "extension/first-use.cjs": 150_000,
  "extension/in-russian.cjs": 32_000,
  // Most of it is the reader of YAML.
  "extension/instructions.cjs": 180_000,
  "extension/invoke-foreign.cjs": 4_000,
  "extension/mentions.cjs": 36_000,
  "extension/metrics-view.cjs": 6_000,
  "extension/project-context.cjs": 30_000,
  "extension/proposals.cjs": 7_000,
  "extension/restore-checkpoint.cjs": 44_000,
  "extension/run-tool.cjs": 81_000,
  "extension/russian-starts.cjs": 6_000,
  "extension/transfer-chats.cjs": 40_000,
  // What VS Code's panel loads before the first word; the colours of code come
  // with the first block of it.
  "webview/app.js+app.css": 226_000,
  "webview/highlight.js": 60_000,
  "webview/attachments.js+attachments.css": 16_000,
  "webview/mention-list.js+mentions-ru.js+mentions.css": 6_000,
  "webview/transfer-dialog.js+transfer.css": 12_000,
  "webview/far.js": 3_000,
  "webview/formula.js+katex.css": 320_000,
  // All diagrams together; one loads a part of it.
  "webview/diagram*.js": 2_000_000,
  "webview/metrics.js+metrics.css": 70_000,
};

const common = {
  bundle: true,
  minify: flags.production,
  sourcemap: flags.production ? false : "linked",
  logLevel: "warning",
  legalComments: "none",
};
const node = { ...common, platform: "node", target: "node22", charset: "utf8" };

const browser = {
  ...common,
  platform: "browser",
  target: "chrome120",
  format: "esm",
  outdir: "dist/webview",
  jsx: "automatic",
  jsxImportSource: "preact",
  define: { "process.env.NODE_ENV": '"production"' },
  // Cyrillic as it is, not escaped at three times the size.
  charset: "utf8",
};

/** What markdown-it asks of others and we do not ask of it, or the platform knows itself. */
const leanLinks = {
  "linkify-it": "./webview/vendor/linkify-it.ts",
  "uc.micro": "./webview/vendor/uc-micro.ts",
};

/**
 * Inside of one bundle, what is imported later would be wrapped, and nothing unused left out of it.
 */
const loadedLater = {
  name: "loaded-later",
  setup(build) {
    build.onResolve(
      {
        filter:
          /\/(?:first-use|changes|command-changes|in-russian|instructions|invoke-foreign|mentions|metrics-view|project-context|proposals|restore-checkpoint|run-tool|russian-starts|transfer-chats)\.ts$/,
      },
      ({ kind, path }) =>
        kind === "dynamic-import"
          ? { path: `./${basename(path, ".ts")}.cjs`, external: true }
          : undefined,
    );
  },
};

const ownBundle = {
  name: "own-bundle",
  setup(build) {
    build.onResolve({ filter: /\/draw\.ts$/ }, ({ kind }) =>
      kind === "dynamic-import" ? { path: "./diagram.js", external: true } : undefined,
    );
  },
};

const builds = [
  {
    ...node,
    format: "cjs",
    entryPoints: {
      "extension/extension": "extension/extension.ts",
      "extension/first-use": "extension/first-use.ts",
      "extension/changes": "extension/changes/changes.ts",
      "extension/command-changes": "extension/tools/terminal/command-changes.ts",
      "extension/in-russian": "extension/in-russian.ts",
      "extension/instructions": "extension/instructions/instructions.ts",
      "extension/invoke-foreign": "extension/tools/foreign/invoke-foreign.ts",
      "extension/mentions": "extension/context/mentions.ts",
      "extension/metrics-view": "extension/latency/metrics-view.ts",
      "extension/project-context": "extension/context/project-context.ts",
      "extension/proposals": "extension/tools/proposals.ts",
      "extension/restore-checkpoint": "extension/commands/restore-checkpoint.ts",
      "extension/run-tool": "extension/tools/run-tool.ts",
      "extension/russian-starts": "server/shared/russian/russian-starts.ts",
      "extension/transfer-chats": "extension/commands/transfer-chats.ts",
    },
    outdir: "dist",
    outExtension: { ".js": ".cjs" },
    external: ["vscode"],
    // Its form with modules, of which what is not used is left out.
    alias: { yaml: "./node_modules/yaml/browser/dist/index.js" },
    plugins: [loadedLater, pureSchemas],
    // Another file of the extension is loaded as it was itself: by `require`, which knows `vscode`.
    supported: { "dynamic-import": false },
  },
  {
    ...node,
    format: "esm",
    splitting: true,
    entryPoints: {
      main: "server/main.ts",
      "answer-worker": "server/providers/answer-worker.ts",
      "append-worker": "server/db/commit/append-worker.ts",
      "checkpoint-worker": "server/db/commit/checkpoint-worker.ts",
      "export-worker": "server/chat/transfer/export-worker.ts",
      "reading-worker": "server/db/engine/reading-worker.ts",
      "copy-database": "server/doctor/files/copy-database.ts",
    },
    outdir: "dist/server",
    // Beside main.js, so that paths relative to a module's own address mean the same in each.
    chunkNames: "[name]-[hash]",
    external: ["pg-native", "pg-cloudflare"],
    alias: leanLinks,
    plugins: [leanMarkdown, onlyUtf8, shortLists],
    // CommonJS dependencies inside of an ES module still ask for these.
    banner: {
      js:
        'import{createRequire as __createRequire}from"node:module";' +
        'import{fileURLToPath as __toPath}from"node:url";import{dirname as __toDir}from"node:path";' +
        "const require=__createRequire(import.meta.url),__filename=__toPath(import.meta.url),__dirname=__toDir(__filename);",
    },
  },
  { ...browser, entryPoints: { metrics: "webview/metrics/main.tsx" } },
  // Apart from the app, with whose parts it shares nothing: a stranger's hooks
  // stay out of our sanitizer.
  {
    ...browser,
    entryPoints: { diagram: "webview/diagrams/draw.ts" },
    splitting: true,
    chunkNames: "diagram-[hash]",
    plugins: [leanMermaid],
  },
  {
    ...browser,
    // What is loaded later is named here for the sake of its budget alone.
    entryPoints: {
      app: "webview/main.tsx",
      attachments: "webview/attachments/attachments.tsx",
      formula: "webview/markdown/formula.ts",
      highlight: "webview/markdown/highlight.ts",
      "mention-list": "webview/mentions/mention-list.ts",
      "mentions-ru": "webview/mentions/ru.ts",
      far: "webview/mentions/far.ts",
      en: "webview/strings/en.ts",
      ru: "webview/strings/ru.ts",
      http: "webview/transport/http.ts",
      vscode: "webview/transport/vscode.ts",
      dialog: "webview/components/base/dialog.tsx",
      "sessions-pane": "webview/components/sessions-pane.tsx",
      "sent-chips": "webview/components/transcript/sent-chips.tsx",
      "turn-changes": "webview/components/transcript/turn-changes.tsx",
      "sent-instructions": "webview/components/transcript/sent-instructions.tsx",
      "approvals-dialog": "webview/components/approvals-dialog.tsx",
      "queue-list": "webview/components/composer/queue-list.tsx",
      "tool-decision": "webview/components/calls/tool-decision.tsx",
      "transfer-dialog": "webview/transfer/transfer-dialog.tsx",
    },
    splitting: true,
    chunkNames: "chunk-[hash]",
    plugins: [leanMarkdown, leanPurify, ownBundle],
    // What a browser knows by itself need not be brought along.
    alias: {
      entities: "./webview/vendor/entities.ts",
      "punycode.js": "./webview/vendor/punycode.ts",
      ...leanLinks,
    },
  },
  {
    ...common,
    entryPoints: {
      app: "webview/styles/index.css",
      metrics: "webview/metrics/styles.css",
      katex: "katex/dist/katex.min.css",
      diagram: "webview/diagrams/diagram.css",
      approvals: "webview/styles/approvals.css",
      decision: "webview/styles/decision.css",
      mentions: "webview/styles/mentions.css",
      sessions: "webview/styles/sessions.css",
      find: "webview/styles/find.css",
      changes: "webview/styles/changes.css",
      instructions: "webview/styles/instructions.css",
      queue: "webview/styles/queue.css",
      attachments: "webview/attachments/attachments.css",
      transfer: "webview/transfer/transfer.css",
    },
    outdir: "dist/webview",
    loader: { ".ttf": "copy", ".woff2": "copy" },
    plugins: [onlyWoff2, ourIcons],
    assetNames: "[name]",
  },
  ...(flags.production
    ? []
    : [
        {
          ...node,
          format: "cjs",
          entryPoints: { suite: "test/extension/suite.ts" },
          outdir: "dist/test",
          outExtension: { ".js": ".cjs" },
          external: ["vscode", "mocha"],
        },
      ]),
];

rmSync("dist", { recursive: true, force: true });
if (flags.watch) {
  const contexts = await Promise.all(
    builds.map((build) => esbuild.context({ ...build, logLevel: "info" })),
  );
  copyStatic();
  await Promise.all(contexts.map((context) => context.watch()));
} else {
  const built = await Promise.all(
    builds.map((build) => esbuild.build({ ...build, metafile: true })),
  );
  copyStatic();
  if (flags.production) checkBudget(Object.assign({}, ...built.map((one) => one.metafile.outputs)));
}

function copyStatic() {
  mkdirSync("dist/server/prebuilds", { recursive: true });
  mkdirSync("dist/webview", { recursive: true });
  cpSync("webview/index.html", "dist/webview/index.html");
  const prebuilds = join(dirname(require.resolve("better-sqlite3/package.json")), "prebuilds");
  for (const name of readdirSync(prebuilds)) {
    if (flags.target === "universal" || name === `${binaryName(flags.target)}.node`) {
      const library = loadable(readFileSync(join(prebuilds, name)));
      writeFileSync(join("dist/server/prebuilds", name), library);
    }
  }
  if (readdirSync("dist/server/prebuilds").length === 0) {
    throw new Error(`better-sqlite3 has no binary for ${flags.target}`);
  }
}

/** vsce's names of platforms -> better-sqlite3's. */
function binaryName(target) {
  return target.replace(/^alpine-/, "linuxmusl-");
}

function defaultTarget() {
  const musl = process.platform === "linux" && existsSync("/etc/alpine-release");
  return `${musl ? "alpine" : process.platform}-${process.arch}`;
}

function checkBudget(outputs) {
  const size = (...files) =>
    files.reduce((sum, file) => sum + statSync(join("dist", file)).size, 0);
  const diagrams = readdirSync("dist/webview")
    .filter((name) => /^diagram\b.*\.js$/.test(name))
    .map((name) => `webview/${name}`);
  const extension = readdirSync("dist/extension").map((name) => `extension/${name}`);
  const sizes = {
    ...Object.fromEntries(extension.map((name) => [name, size(name)])),
    "webview/app.js+app.css": size(...beforeTheFirstWord(outputs), "webview/app.css"),
    "webview/highlight.js": size("webview/highlight.js"),
    "webview/attachments.js+attachments.css": size(
      "webview/attachments.js",
      "webview/attachments.css",
    ),
    "webview/mention-list.js+mentions-ru.js+mentions.css": size(
      "webview/mention-list.js",
      "webview/mentions-ru.js",
      "webview/mentions.css",
    ),
    "webview/transfer-dialog.js+transfer.css": size(
      "webview/transfer-dialog.js",
      "webview/transfer.css",
    ),
    "webview/far.js": size("webview/far.js"),
    "webview/formula.js+katex.css": size("webview/formula.js", "webview/katex.css"),
    "webview/diagram*.js": size(...diagrams),
    "webview/metrics.js+metrics.css": size("webview/metrics.js", "webview/metrics.css"),
  };
  for (const [name, bytes] of Object.entries(sizes)) {
    const budget = BUDGET[name];
    console.log(`${name}: ${bytes} of ${budget} bytes`);
    if (!(bytes <= budget)) {
      console.error(`${name} is over its budget, or has none.`);
      process.exitCode = 1;
    }
  }
}

/**
 * What VS Code's page has loaded by then, in the longer language; a browser loads
 * http.js in place of vscode.js.
 */
function beforeTheFirstWord(outputs) {
  const needed = (...names) => {
    const files = new Set();
    const add = (file) => {
      if (files.has(file)) return;
      files.add(file);
      for (const { path, kind } of outputs[file].imports) {
        if (kind === "import-statement") add(path);
      }
    };
    for (const name of names) add(`dist/webview/${name}.js`);
    return [...files].map((file) => file.replace("dist/", ""));
  };
  const bytes = (files) => files.reduce((sum, file) => sum + statSync(join("dist", file)).size, 0);
  const readers = ["en", "ru"].map((language) => needed("app", "vscode", language));
  return readers.toSorted((a, b) => bytes(b) - bytes(a))[0];
}
