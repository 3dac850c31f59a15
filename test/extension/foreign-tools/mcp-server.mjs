// A Model Context Protocol server over stdio, by its specification; VS Code is its client. Writes
// what it was told into the file that it is given.
import { appendFileSync } from "node:fs";
import { createInterface } from "node:readline";

const [, , log] = process.argv;
const send = (message) =>
  process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
const text = (value) => ({ type: "text", text: value });

const NUMBERS = {
  type: "object",
  properties: { a: { $ref: "#/$defs/number" }, b: { $ref: "#/$defs/number" } },
  required: ["a", "b"],
  $defs: { number: { type: "number" } },
};
const NOTHING = { type: "object" };

const TOOLS = {
  add: {
    description: "Adds two numbers.",
    inputSchema: NUMBERS,
    annotations: { readOnlyHint: true },
    call: ({ a, b }) =>
      typeof a === "number" && typeof b === "number"
        ? { content: [text(String(a + b))] }
        : { content: [text("a and b have to be numbers")], isError: true },
  },
  "parts.of all sorts": {
    description: "Gives parts of all sorts.",
    inputSchema: NOTHING,
    call: () => ({
      content: [
        text("before"),
        { type: "image", data: "iVBORw0KGgo=", mimeType: "image/png" },
        {
          type: "resource",
          resource: { uri: "note://one", mimeType: "text/plain", text: "noted" },
        },
        text("after"),
      ],
    }),
  },
  structured: {
    description: "Gives data.",
    inputSchema: NOTHING,
    outputSchema: { type: "object", properties: { sum: { type: "number" } } },
    call: () => ({ content: [text("42")], structuredContent: { sum: 42 } }),
  },
  fail: {
    description: "Fails in the protocol itself.",
    inputSchema: NOTHING,
    call() {
      throw new Error("the server is out of order");
    },
  },
  wait: { description: "Ends when it is cancelled.", inputSchema: NOTHING },
};

const METHODS = {
  initialize: ({ protocolVersion }) => ({
    protocolVersion,
    capabilities: { tools: {}, resources: {} },
    serverInfo: { name: "sums", version: "1.0.0" },
  }),
  ping: () => ({}),
  "tools/list": () => ({
    tools: Object.entries(TOOLS).map(([name, { call: _call, ...tool }]) => ({ name, ...tool })),
  }),
  "resources/list": () => ({ resources: [] }),
  "resources/templates/list": () => ({ resourceTemplates: [] }),
  "resources/read": ({ uri }) => ({ contents: [{ uri, mimeType: "text/plain", text: "noted" }] }),
  "tools/call": ({ name, arguments: args }) => TOOLS[name]?.call?.(args ?? {}),
};

for await (const line of createInterface({ input: process.stdin })) {
  const { id, method, params = {} } = JSON.parse(line);
  appendFileSync(log, `${method} ${params.name ?? params.requestId ?? ""}\n`);
  if (id === undefined || method === undefined) continue;
  try {
    const run = METHODS[method];
    if (!run) send({ id, error: { code: -32601, message: `no method ${method}` } });
    else {
      const result = run(params);
      // `wait` never answers.
      if (result !== undefined) send({ id, result });
    }
  } catch (thrown) {
    send({ id, error: { code: -32000, message: thrown.message } });
  }
}
