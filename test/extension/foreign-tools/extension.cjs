// Another extension, loaded beside ours in the tests' host: its tools do what tools of others do.
const { appendFileSync, mkdirSync, writeFileSync } = require("node:fs");
const { join } = require("node:path");
const vscode = require("vscode");

const text = (value) => new vscode.LanguageModelTextPart(value);
const result = (...parts) => new vscode.LanguageModelToolResult(parts);

/** As @vscode/prompt-tsx renders `<><TextChunk>first</TextChunk><br/>second</>`. */
const PROMPT_TSX = {
  node: {
    type: 1,
    ctor: 2,
    ctorName: "Fragment",
    props: {},
    references: [],
    children: [
      { type: 1, ctor: 2, children: [{ type: 2, text: "first", lineBreakBefore: false }] },
      { type: 2, text: "second", lineBreakBefore: true },
    ],
  },
};

/** As VS Code links to what MCP servers hold, but to a file. */
const LINK = Buffer.from(JSON.stringify({ uri: { scheme: "file", path: __filename } }));

exports.activate = (context) => {
  const log = join(context.globalStorageUri.fsPath, "log");
  mkdirSync(context.globalStorageUri.fsPath, { recursive: true });
  writeFileSync(log, "");
  /** What was done, for the tests. */
  const seen = [];
  const tools = new Map();
  const add = (name, tool) => tools.set(name, vscode.lm.registerTool(name, tool));

  add("foreign_text", {
    invoke({ input, toolInvocationToken }) {
      if (typeof input.word !== "string") throw new Error("word: expected a string");
      return result(text(`${input.word}, token ${String(toolInvocationToken)}`));
    },
  });
  add("foreign_parts", {
    invoke: () =>
      result(
        text("one"),
        new vscode.LanguageModelPromptTsxPart(PROMPT_TSX),
        vscode.LanguageModelDataPart.json({ two: 2 }),
        vscode.LanguageModelDataPart.text("three", "text/csv"),
        vscode.LanguageModelDataPart.image(new Uint8Array([137, 80, 78, 71]), "image/png"),
        new vscode.LanguageModelDataPart(LINK, "application/vnd.code.resource-link"),
      ),
  });
  add("foreign_nothing", { invoke: () => result() });
  add("foreign_throws", {
    invoke() {
      throw new Error("the other extension is out of order");
    },
  });
  add("foreign_endless", {
    invoke(_options, token) {
      seen.push("began");
      return new Promise((_resolve, reject) => {
        token.onCancellationRequested(() => {
          seen.push("cancelled");
          reject(new vscode.CancellationError());
        });
      });
    },
  });
  add("foreign_confirms", {
    prepareInvocation: () => ({
      invocationMessage: "Doing it",
      confirmationMessages: { title: "Do it?", message: "It will be done." },
    }),
    invoke() {
      appendFileSync(log, "done\n");
      return result(text("done"));
    },
  });
  add("foreign_large", {
    invoke: () => result(text(`begin${"x".repeat(200_000)}`), text(`${"y".repeat(200_000)}end`)),
  });
  add("foreign_leaves", { invoke: () => result(text("still here")) });
  for (const { name } of context.extension.packageJSON.contributes.languageModelTools) {
    if (!tools.has(name)) add(name, { invoke: () => result(text(`I am ${name}`)) });
  }

  const server = new vscode.McpStdioServerDefinition(
    "Sums",
    process.execPath,
    [join(__dirname, "mcp-server.mjs"), log],
    { ELECTRON_RUN_AS_NODE: "1" },
  );
  const changed = new vscode.EventEmitter();
  let isThere = true;
  context.subscriptions.push(
    // As a click on "Start" in VS Code's list of MCP servers; it does not
    // know of the server at once.
    vscode.commands.registerCommand("streamkeeper-tests.startMcp", async () => {
      const how = { waitForLiveTools: true };
      await vscode.commands.executeCommand("workbench.mcp.startServer", "*", how);
      const isListed = vscode.lm.tools.some(({ name }) => name.startsWith("mcp_sums_"));
      if (isListed) appendFileSync(log, "tools listed\n");
      return isListed;
    }),
    vscode.lm.registerMcpServerDefinitionProvider("streamkeeper-tests.mcp", {
      onDidChangeMcpServerDefinitions: changed.event,
      provideMcpServerDefinitions: () => (isThere ? [server] : []),
    }),
  );

  return {
    seen,
    log,
    /** The tool is not registered any more. */
    leave: (name) => tools.get(name)?.dispose(),
    removeMcpServer() {
      isThere = false;
      changed.fire();
    },
  };
};
