import hljs from "highlight.js/lib/core";
import bash from "highlight.js/lib/languages/bash";
import c from "highlight.js/lib/languages/c";
import diff from "highlight.js/lib/languages/diff";
import go from "highlight.js/lib/languages/go";
import java from "highlight.js/lib/languages/java";
import json from "highlight.js/lib/languages/json";
import python from "highlight.js/lib/languages/python";
import rust from "highlight.js/lib/languages/rust";
import typescript from "highlight.js/lib/languages/typescript";
import xml from "highlight.js/lib/languages/xml";
import yaml from "highlight.js/lib/languages/yaml";
import { css, sql } from "./small-languages.ts";

const LANGUAGES = { bash, c, css, diff, go, java, json, python, rust, sql, typescript, xml, yaml };
for (const [name, language] of Object.entries(LANGUAGES)) hljs.registerLanguage(name, language);
// JavaScript is highlighted as TypeScript, which knows all of it.
hljs.registerAliases(["js", "jsx", "javascript", "mjs", "cjs"], { languageName: "typescript" });
hljs.registerAliases(["cpp", "c++", "cs", "csharp"], { languageName: "c" });
hljs.registerAliases(["shell", "console", "zsh"], { languageName: "bash" });
hljs.registerAliases(["html", "svg", "vue"], { languageName: "xml" });
hljs.registerAliases(["kotlin", "kt"], { languageName: "java" });
hljs.registerAliases(["scss", "less"], { languageName: "css" });
hljs.registerAliases(["jsonc", "json5"], { languageName: "json" });

/** Beyond this the colours would cost more than a frame. */
const MAX_LENGTH = 30_000;

/** Coloured code, or null if the language is not known or the code too long. */
export function highlight(code: string, language: string): DocumentFragment | null {
  if (code.length > MAX_LENGTH || !hljs.getLanguage(language)) return null;
  return toNodes(hljs.highlight(code, { language, ignoreIllegals: true }).value);
}

const ENTITIES: Record<string, string> = {
  "&amp;": "&",
  "&lt;": "<",
  "&gt;": ">",
  "&quot;": '"',
  "&#x27;": "'",
};

/**
 * highlight.js writes nothing but spans and escaped text; so only these are
 * made, and no HTML is parsed.
 */
function toNodes(html: string): DocumentFragment {
  const root = document.createDocumentFragment();
  const open: Node[] = [root];
  for (const [piece] of html.matchAll(/<span class="[^"]*">|<\/span>|[^<]+/g)) {
    const parent = open.at(-1) ?? root;
    if (piece === "</span>") {
      if (open.length > 1) open.pop();
    } else if (piece.startsWith("<")) {
      const span = document.createElement("span");
      span.className = piece.slice('<span class="'.length, -2);
      parent.appendChild(span);
      open.push(span);
    } else {
      const text = piece.replaceAll(
        /&(?:amp|lt|gt|quot|#x27);/g,
        (entity) => ENTITIES[entity] ?? entity,
      );
      parent.appendChild(document.createTextNode(text));
    }
  }
  return root;
}
