// node damage.ts FILE tamper STATEMENT… | scribble TABLE
import { scribble, tamper } from "../damage.ts";

const [path = "", what, ...args] = process.argv.slice(2);
if (what === "tamper") tamper(path, ...args);
else if (scribble(path, args[0] ?? "", 1) === 0) throw new Error("nothing was damaged");
