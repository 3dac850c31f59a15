// A process of its own: copies a SQLite database that others write meanwhile, checks the copy and
// flushes it. node copy-database.js SOURCE TARGET
import { closeSync, fsyncSync, openSync } from "node:fs";
import { setPriority } from "node:os";
import SQLite from "better-sqlite3";
import { nativeBinding } from "../../db/engine/native-binding.ts";

const [source = "", target = ""] = process.argv.slice(2);
// Whoever chats goes first.
setPriority(10);

const from = new SQLite(source, { readonly: true, timeout: 5_000, ...nativeBinding() });
from.prepare("vacuum into ?").run(target);
from.close();

const copy = new SQLite(target, { fileMustExist: true, ...nativeBinding() });
const [first] = copy.pragma("quick_check(1)") as { quick_check: string }[];
copy.close();
if (first?.quick_check !== "ok") throw new Error(`the copy is damaged: ${first?.quick_check}`);

const file = openSync(target, "r+");
fsyncSync(file);
closeSync(file);
