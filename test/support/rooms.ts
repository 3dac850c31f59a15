// Which room may import which: the directions of the house, held by test/tidy.test.ts.

/** What every room of the companion may use. */
const COMMON = /^server\/(?:errors|log|program-file|version)\.ts$/;
const OBSERVE = /^server\/observe\//;
const PROTOCOL = /^server\/protocol\//;
const SHARED = /^server\/shared\//;
const DOMAIN = /^server\/domain\//;
const MESSAGES = /^webview\/(?:metrics\/)?messages\.ts$/;
const NODE = /^node:/;
const DRIVERS = /^(?:kysely|pg|better-sqlite3|uuid)$/;
const BELOW = [PROTOCOL, SHARED, COMMON, OBSERVE];
const BELOW_TABLES = [...BELOW, DOMAIN, /^server\/db\/commit\/append-log\.ts$/, DRIVERS, NODE];
/** Pure of connections: what comes is read, wherever it comes from. */
const BELOW_WIRE = [
  ...BELOW,
  /^server\/providers\/(?:clean-text|provider|tool-schema|vendors)\.ts$/,
  /^(?:eventsource-parser|node:(?:crypto|string_decoder|util|zlib))$/,
];
const CHAT_BELOW = [
  ...BELOW,
  /^server\/(?:domain|providers|pages)\//,
  /^server\/db\/(?:commit|engine|tables)\//,
  /^server\/chat\/(?:chat|deps)\.ts$/,
  /^uuid$/,
  /^node:(?:crypto|tim)/,
];
const BELOW_DOCTOR = [
  ...BELOW,
  /^(?:server\/(?:chat|db|domain|lifecycle)\/|server\/config\.ts$|kysely$|better-sqlite3$|uuid$)/,
  NODE,
];
const BELOW_WEB = [
  PROTOCOL,
  SHARED,
  /^(?:preact|markdown-it|dompurify|highlight\.js|katex|mermaid|eventsource-parser)$/,
];
const BELOW_COMPONENTS = [...BELOW_WEB, /^webview\/(?!components\/)/];
const BELOW_EXTENSION = [PROTOCOL, SHARED, MESSAGES, /^(?:vscode|eventsource-parser|zod)$/, NODE];
const BELOW_TOOLS = [
  ...BELOW_EXTENSION,
  /^extension\/(?!tools\/)/,
  /^extension\/tools\/(?:bounds|definitions|paths)\.ts$/,
];
const ANYTHING_BELOW = /^(?:server\/(?!main\.ts)|node:|uuid$)/;

/**
 * Room -> what it may import. The first room that fits counts; the room itself is always allowed.
 */
export const ROOMS: readonly { room: RegExp; may: readonly RegExp[] }[] = [
  { room: /^server\/protocol\/[\w-]+\.ts$/, may: [/^zod$/] },
  { room: PROTOCOL, may: [/^zod$/] },
  { room: SHARED, may: [PROTOCOL] },
  { room: DOMAIN, may: [PROTOCOL, SHARED, /^(?:picomatch|unbash)$/] },
  // Frozen: what it once did must not change with code of today.
  { room: /^server\/db\/migrations\//, may: [/^kysely$/] },
  { room: /^server\/db\/tables\/[\w-]+\.ts$/, may: BELOW_TABLES },
  { room: /^server\/db\/tables\//, may: [...BELOW_TABLES, /^server\/db\/tables\//] },
  {
    room: /^server\/db\/engine\//,
    may: [...BELOW, /^server\/db\/tables\/schema\.ts$/, DRIVERS, NODE],
  },
  {
    room: /^server\/db\/commit\//,
    may: [...BELOW, /^server\/db\/(?:engine|tables|opened-database\.ts)/, DRIVERS, NODE],
  },
  { room: /^server\/db\//, may: [...BELOW, DOMAIN, DRIVERS, NODE] },
  { room: /^server\/providers\/wire\/[\w-]+\.ts$/, may: BELOW_WIRE },
  { room: /^server\/providers\/wire\//, may: BELOW_WIRE },
  {
    room: /^server\/providers\/failures\//,
    may: [...BELOW, /^server\/providers\/(?:access|wire\/values)\.ts$/, /^node:timers/],
  },
  {
    room: /^server\/providers\//,
    may: [...BELOW, DOMAIN, /^(?:zod|eventsource-parser)$/, NODE],
  },
  {
    room: /^server\/pages\//,
    may: [...BELOW, /^server\/providers\/http-client\.ts$/, /^htmlparser2$/, NODE],
  },
  { room: /^server\/chat\/log\//, may: CHAT_BELOW },
  { room: /^server\/chat\/attachments\//, may: CHAT_BELOW },
  { room: /^server\/chat\/turn\//, may: [...CHAT_BELOW, /^server\/chat\/(?:attachments|log)\//] },
  {
    room: /^server\/chat\/accept\//,
    may: [...CHAT_BELOW, /^server\/chat\/(?:attachments|log|turn)\//],
  },
  {
    room: /^server\/chat\/(?:calls|upkeep)\//,
    may: [...CHAT_BELOW, /^server\/chat\/(?:log|turn)\//],
  },
  {
    room: /^server\/chat\/transfer\//,
    may: [
      ...CHAT_BELOW,
      /^server\/chat\/(?:log|turn)\//,
      /^server\/db\/open(?:-readonly|ed-database)\.ts$/,
      /^markdown-it$/,
      NODE,
    ],
  },
  { room: /^server\/chat\//, may: [...CHAT_BELOW, /^server\/db\/opened-database\.ts$/] },
  {
    room: /^server\/http\//,
    may: [...BELOW, /^server\/chat\//, /^(?:express|zod)$/, NODE],
  },
  { room: /^server\/doctor\/files\//, may: BELOW_DOCTOR },
  {
    room: /^server\/doctor\/check\//,
    may: [...BELOW_DOCTOR, /^server\/doctor\/files\//],
  },
  {
    room: /^server\/doctor\/repair\//,
    may: [...BELOW_DOCTOR, /^server\/doctor\/(?:files|check)\//],
  },
  { room: /^server\/doctor\//, may: BELOW_DOCTOR },
  { room: /^server\/lifecycle\//, may: [PROTOCOL, SHARED, NODE] },
  { room: /^server\/program-file\.ts$/, may: [/^node:fs$/] },
  {
    room: /^server\/(?:observe\/|(?:errors|log|version)\.ts$)/,
    may: [PROTOCOL, /^(?:pino|prom-client)$/, /^package\.json$/, /^node:(?:async_hooks|crypto)$/],
  },
  {
    room: /^server\/config\.ts$/,
    may: [
      PROTOCOL,
      SHARED,
      /^server\/db\/opened-database\.ts$/,
      /^server\/providers\/access\.ts$/,
      NODE,
    ],
  },
  { room: /^server\/(?:main|run-companion|compose)\.ts$/, may: [ANYTHING_BELOW] },
  { room: /^server\/(?:start|install)\.mjs$/, may: [NODE] },
  { room: MESSAGES, may: [PROTOCOL, SHARED, /^zod$/] },
  {
    room: /^webview\/components\/base\//,
    may: BELOW_COMPONENTS,
  },
  {
    room: /^webview\/components\/composer\//,
    may: [...BELOW_COMPONENTS, /^webview\/components\/base\//],
  },
  {
    room: /^webview\/components\/calls\//,
    may: [...BELOW_COMPONENTS, /^webview\/components\/(?:base|composer)\//],
  },
  {
    room: /^webview\/components\/transcript\//,
    may: [...BELOW_COMPONENTS, /^webview\/components\/(?:base|composer|calls)\//],
  },
  { room: /^webview\/markdown\/syntax\//, may: [/^markdown-it$/] },
  { room: /^webview\//, may: BELOW_WEB },
  {
    // Scripts of npm, not parts of the extension; `npm run code` falls back on
    // the VS Code of the tests.
    room: /^extension\/scripts\//,
    may: [
      /^server\/install\.mjs$/,
      /^test\/setup\/vscode\.ts$/,
      /^test\/support\/vscode-host\.ts$/,
      /^@vscode\/test-electron$/,
      NODE,
    ],
  },
  { room: /^extension\/tools\/files\//, may: BELOW_TOOLS },
  {
    room: /^extension\/tools\/(?:terminal|foreign)\//,
    may: [...BELOW_TOOLS, /^extension\/tools\/files\//],
  },
  {
    room: /^extension\/instructions\//,
    may: [
      ...BELOW_EXTENSION,
      /^extension\/(?:tools\/(?:files\/|paths\.ts$)|problem\.ts$|context\/mentions\.ts$)/,
      /^(?:picomatch|yaml)$/,
    ],
  },
  { room: /^extension\/changes\//, may: [...BELOW_EXTENSION, /^(?:diff$|extension\/)/] },
  { room: /^extension\//, may: BELOW_EXTENSION },
  { room: /^esbuild\.mjs$/, may: [NODE, /^(?:esbuild|better-sqlite3)$/, /^extension\/scripts\//] },
  {
    room: /^monitoring\//,
    may: [
      /^server\/observe\/(?:metric-names|operations)\.ts$/,
      /^@grafana\/grafana-foundation-sdk$/,
      NODE,
    ],
  },
  { room: /^test\//, may: [/./] },
];
