// Another program that has the database file open and keeps its write lock until it is told to end.
import SQLite from "better-sqlite3";

const database = new SQLite(process.argv[2]);
database.exec("begin exclusive");
console.log("locked");
process.stdin.resume();
process.stdin.on("end", () => database.close());
