import { createHash } from "node:crypto";
import MarkdownIt from "markdown-it";
import type { WholeChat } from "../../protocol/stored/chat-file.ts";
import { toMarkdown } from "./to-markdown.ts";

const STYLE = `
body { font: 16px/1.5 system-ui, sans-serif; max-width: 48rem; margin: 2rem auto; padding: 0 1rem;
  color-scheme: light dark; overflow-wrap: anywhere; }
pre { overflow-x: auto; padding: .75rem; border: 1px solid color-mix(in srgb, currentcolor 20%, transparent); }
h2 { margin-top: 2.5rem; font-size: 1rem; }
h3 { font-size: .875rem; }
table { border-collapse: collapse; }
td, th { border: 1px solid color-mix(in srgb, currentcolor 20%, transparent); padding: .25rem .5rem; }
`;

/**
 * One page that needs nothing else: no script, nothing loaded from anywhere, and
 * a policy that holds both.
 */
export function toHtml(chat: WholeChat): string {
  const style = createHash("sha256").update(STYLE).digest("base64");
  const policy = `default-src 'none'; style-src 'sha256-${style}'; base-uri 'none'; form-action 'none'`;
  const md = new MarkdownIt({ html: false, linkify: false });
  // A picture would be fetched from wherever a model says; its words and its address are kept.
  md.disable("image");
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width">
<title>${md.utils.escapeHtml(chat.head.title)}</title>
<style>${STYLE}</style>
</head>
<body>
${md.render(toMarkdown(chat))}</body>
</html>
`;
}
