import type SQLite from "better-sqlite3";
import { foldCase } from "../../shared/search-words.ts";

/** What searches call in SQL (tables/search.ts); Postgres has them by itself. */
export function addSearchFunctions(database: SQLite.Database): void {
  database.function("fold_case", { deterministic: true }, (text) => foldCase(String(text)));
  database.function("regexp", { deterministic: true }, isLike);
}

/** `text regexp pattern`; the last patterns stay, since they are asked for each row again. */
const patterns = new Map<unknown, RegExp>();
function isLike(pattern: unknown, text: unknown): number {
  const known = patterns.get(pattern) ?? new RegExp(String(pattern), "u");
  if (patterns.size >= 50) patterns.clear();
  patterns.set(pattern, known);
  return known.test(String(text)) ? 1 : 0;
}
