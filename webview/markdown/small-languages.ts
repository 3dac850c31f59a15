// Two languages by their form. highlight.js knows every CSS property and every SQL function by
// name, at ten times the size.
import type { LanguageFn } from "highlight.js";

export const css: LanguageFn = (hljs) => ({
  name: "CSS",
  contains: [
    hljs.C_BLOCK_COMMENT_MODE,
    hljs.APOS_STRING_MODE,
    hljs.QUOTE_STRING_MODE,
    { scope: "keyword", match: /@[a-z-]+/ },
    { scope: "selector-id", match: /#[A-Za-z_][\w-]*(?=[^;}]*\{)/ },
    { scope: "selector-class", match: /\.[A-Za-z_][\w-]*/ },
    { scope: "selector-pseudo", match: /::?[a-z-]+(?=[^;}]*\{)/ },
    { scope: "attribute", match: /(?:--)?[A-Za-z-]+(?=\s*:)/ },
    { scope: "number", match: /#[\da-fA-F]{3,8}\b|-?\b\d+(?:\.\d+)?(?:[a-z]+\b|%)?/ },
    { scope: "built_in", match: /\b[a-z-]+(?=\()/ },
  ],
});

const SQL_WORDS =
  "add all alter analyze and as asc begin between by cascade case check coalesce collate column commit conflict " +
  "constraint create cross current_timestamp database default delete desc distinct do drop else end except exists " +
  "explain false fetch filter for foreign from full function grant group having if ilike in index inner insert " +
  "intersect into is join key lateral left like limit natural no not nothing null nulls offset on or order outer " +
  "over partition pragma primary references release replace returning revoke right rollback row rows savepoint " +
  "select set table temp temporary then to transaction trigger true truncate union unique update using vacuum " +
  "values view when where window with";

export const sql: LanguageFn = (hljs) => ({
  name: "SQL",
  case_insensitive: true,
  keywords: {
    keyword: SQL_WORDS.split(" "),
    type: "bigint blob boolean bytea char date decimal double float int integer json jsonb numeric real serial smallint text time timestamp timestamptz uuid varchar".split(
      " ",
    ),
  },
  contains: [
    hljs.COMMENT("--", "$"),
    hljs.C_BLOCK_COMMENT_MODE,
    { scope: "string", begin: "'", end: "'", contains: [{ begin: "''" }] },
    { scope: "number", match: /\b\d+(?:\.\d+)?\b/ },
    { scope: "variable", match: /[$:@]\w+/ },
    { scope: "title.function", match: /\b[a-z_]\w*(?=\()/ },
  ],
});
