// Kills this process at its statement number KILL_AT, counted from the start and
// without those that only read.
import SQLite from "better-sqlite3";
import pg from "pg";

const at = Number(process.env["KILL_AT"]);
let count = 0;

function statement(text: string): void {
  if (!/^\s*(?:select|pragma|set)\b/i.test(text) && ++count === at) {
    process.kill(process.pid, "SIGKILL");
  }
}

for (const name of ["prepare", "exec"] as const) {
  const original = SQLite.prototype[name] as (text: string) => unknown;
  Object.assign(SQLite.prototype, {
    [name](this: SQLite.Database, text: string) {
      statement(text);
      return original.call(this, text);
    },
  });
}

const query = pg.Client.prototype.query as (...args: unknown[]) => unknown;
Object.assign(pg.Client.prototype, {
  query(this: pg.Client, ...args: unknown[]) {
    const [first] = args;
    const isText = typeof first === "string";
    if (isText) statement(first);
    else if (first && typeof first === "object" && "text" in first) statement(String(first.text));
    return query.apply(this, args);
  },
});
