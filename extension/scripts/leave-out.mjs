// What a build leaves out of what others made, because nothing here needs it: plugins of esbuild.
import { readdirSync, readFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { keepCharacters } from "./lean-font.mjs";

/**
 * Changes files of a package in what is found, by what is put there instead. A version of it that
 * has something else in that place fails the build.
 */
function edit(build, { filter, edits }) {
  const done = new Set();
  build.onLoad({ filter }, ({ path }) => {
    let contents = readFileSync(path, "utf8");
    for (const [index, [file, from, to]] of edits.entries()) {
      if (!file.test(basename(path))) continue;
      const replaced = contents.replace(from, to);
      if (replaced !== contents) done.add(index);
      contents = replaced;
    }
    return { contents, loader: "js" };
  });
  build.onEnd(() => {
    const missed = edits.filter((_, index) => !done.has(index));
    if (missed.length > 0) throw new Error(`${filter} has changed: no ${missed[0][1]}`);
  });
}

/** Making a schema has no effect but the schema: those that only serve as types are left out. */
export const pureSchemas = {
  name: "pure-schemas",
  setup(build) {
    build.onLoad({ filter: /\/(?:protocol\/(?:[\w-]+\/)?[\w-]+|messages)\.ts$/ }, ({ path }) => ({
      contents: readFileSync(path, "utf8").replaceAll(/\bz\s*\.\w+\(/g, "/* @__PURE__ */ $&"),
      loader: "ts",
    }));
  },
};

/**
 * Bodies come in UTF-8 and are refused in anything else, so the tables of other
 * encodings are of no use.
 */
export const onlyUtf8 = {
  name: "only-utf8",
  setup(build) {
    build.onLoad(
      { filter: /[\\/]iconv-lite[\\/]encodings[\\/](?:dbcs-data|sbcs-data(?:-generated)?)\.js$/ },
      () => ({
        contents: "module.exports = {};",
      }),
    );
  },
};

/**
 * Of two long lists, what the companion needs of them: its own version, and the types
 * that it sends and takes.
 */
export const shortLists = {
  name: "short-lists",
  setup(build) {
    const keep = (path, isKept) => {
      const all = Object.entries(JSON.parse(readFileSync(path, "utf8")));
      const kept = Object.fromEntries(all.filter(([name]) => isKept(name)));
      return { contents: JSON.stringify(kept), loader: "json" };
    };
    build.onLoad({ filter: /[\\/]mime-db[\\/]db\.json$/ }, ({ path }) =>
      keep(path, (name) =>
        /^(?:text|font)\/|^application\/(?:.*json|javascript|octet-stream|x-www-form)|^image\/(?:png|svg)/.test(
          name,
        ),
      ),
    );
    build.onLoad({ filter: /package\.json$/ }, ({ path }) =>
      path === resolve("package.json") ? keep(path, (name) => name === "version") : undefined,
    );
  },
};

/** Of VS Code's icons, those that are drawn here. */
export const ourIcons = {
  name: "our-icons",
  setup(build) {
    build.onLoad({ filter: /codicon\.ttf$/ }, ({ path }) => {
      const sources = readdirSync("webview", { recursive: true }).filter((name) =>
        /\.tsx?$/.test(name),
      );
      const text = sources.map((name) => readFileSync(join("webview", name), "utf8")).join("");
      const icons = [...text.matchAll(/"\\u(e[a-c][0-9a-f]{2})"/g)];
      const codePoints = icons.map(([, point]) => Number.parseInt(point, 16));
      return { contents: keepCharacters(readFileSync(path), codePoints), loader: "copy" };
    });
  },
};

/** Of KaTeX's fonts, the form that every browser of today takes. */
export const onlyWoff2 = {
  name: "only-woff2",
  setup(build) {
    build.onLoad({ filter: /katex\.min\.css$/ }, ({ path }) => ({
      contents: readFileSync(path, "utf8").replaceAll(
        /,url\([^)]*\.(?:woff|ttf)\) format\("\w+"\)/g,
        "",
      ),
      loader: "css",
    }));
  },
};

/**
 * Of Mermaid, the diagrams that models write, without what is large and theirs alone to need: elk
 * and cytoscape, which lay out (dagre does), KaTeX in labels, icons. And it writes no inline
 * styles, which our pages forbid: the rules are told to webview/diagrams/draw.ts, styles of
 * elements are set as what they are.
 */
const DIAGRAMS =
  /^(?:flow|sequence|class|state|er|gantt|journey|quadrant|xychart|gitGraph|pie|timeline|mindmap|dagre)/;
const INLINE_STYLES = [
  [
    /^mermaid\.core\.mjs$/,
    /const style1 = document\.createElement\("style"\);\s+style1\.innerHTML = rules;\s+svg\.insertBefore\(style1, firstChild\);/,
    'svg.dispatchEvent(new CustomEvent("diagram-rules", { detail: rules, bubbles: true }));',
  ],
  // What is drawn is taken as it stands on the page: to parse it again would be to write styles.
  [
    /^mermaid\.core\.mjs$/,
    /code2 = DOMPurify\.sanitize\(code2, \{\s+ADD_TAGS: DOMPURIFY_TAGS,[^;]+\}\);/,
    'code2 = "";',
  ],
  [
    /^d3-selection\.mjs$/,
    /this\.setAttribute\(name, (value|v)\)/g,
    'if (name === "style") this.style.cssText = $1; else this.setAttribute(name, $1)',
  ],
  [/chunk-\w+\.mjs/, /child\.setAttribute\("style", style\)/, "child.style.cssText = style"],
];
/**
 * Names kept for who reads a trace, each a call that holds back what nobody uses; and of a language
 * server's protocol, all but what its parser asks of it: to be called off, to tell, to fail.
 */
const NAMES_AND_PROTOCOL = [
  [/./, /^ *static \{\s+__name\(this, "[^"\n]*"\);\s+\}$/gm, ""],
  [/./, /^ *__name\([\w$]+, "[^"\n]*"\);$/gm, ""],
  [/./, /^var require_\w+ = (?=__commonJS\()/gm, "$&/* @__PURE__ */ "],
  [
    /./,
    /__toESM\(require_api2\(\), 1\)/g,
    "{ ...require_cancellation(), ...require_events(), ...require_messages(), LSPErrorCodes: {} }",
  ],
];
export const leanMermaid = {
  name: "lean-mermaid",
  setup(build) {
    build.onResolve({ filter: /./ }, ({ kind, path }) =>
      kind === "dynamic-import" && !DIAGRAMS.test(basename(path))
        ? { path: "left-out", namespace: "left-out" }
        : undefined,
    );
    build.onLoad({ filter: /./, namespace: "left-out" }, () => ({
      contents: 'throw new Error("this kind of diagram is not drawn here")',
    }));
    edit(build, {
      filter: /[\\/](?:mermaid|d3-selection|@mermaid-js[\\/]parser)[\\/]dist[\\/].*\.mjs$/,
      edits: [...INLINE_STYLES, ...NAMES_AND_PROTOCOL],
    });
  },
};

/**
 * Of DOMPurify, its lists of what it lets through when it is not told: we say what, and what is on
 * no list ends there. For others' hands, see webview/diagrams/draw.ts: it has them whole.
 */
export const leanPurify = {
  name: "lean-purify",
  setup(build) {
    edit(build, {
      filter: /[\\/]dompurify[\\/]dist[\\/]purify\.es\.mjs$/,
      edits: [
        [
          /./,
          /const ((?:html|svg|mathMl)(?:\$1)?|svgFilters|xml) = freeze\(\[[^\]]*\]\);/g,
          "const $1 = freeze([]);",
        ],
        // A compiler's helper that nothing calls, but whose prototype is written to.
        [/./, /^AsyncGenerator\.prototype\[[\s\S]*?^\};$/m, ""],
      ],
    });
  },
};

/**
 * Of markdown-it, what reads Markdown as we do, without HTML, typography and links of bare words:
 * rules that would return at once, and two sets of options that nobody chooses.
 */
export const leanMarkdown = {
  name: "lean-markdown",
  setup(build) {
    edit(build, {
      filter: /[\\/]markdown-it[\\/]dist[\\/]markdown-it\.mjs$/,
      edits: [
        [
          /./,
          /^\t\["linkify", linkify\$1\],\n\t\["replacements", replace\],\n.*smartquotes\],\n/m,
          "",
        ],
        [/./, /^\t\[\n\t\t"html_block",[\s\S]*?^\t\],\n/m, ""],
        [/./, /^\t\["linkify", linkify\],\n/m, ""],
        [/./, /^\t\["html_inline", html_inline\],\n/m, ""],
        [/./, /^\tzero: \{[\s\S]*?^\t\}\n(?=\};)/m, ""],
        [/./, /^var HTML_SEQUENCES = \[[\s\S]*?^\];/m, "var HTML_SEQUENCES = [];"],
        [/./, /^new RegExp\(`\^\(\?:\$\{open_tag.*$/m, ""],
        [/./, /^var HTML_OPEN_CLOSE_TAG_RE = /m, "$&/* @__PURE__ */ "],
      ],
    });
  },
};
