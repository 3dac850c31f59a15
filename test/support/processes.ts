import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";

export interface ProcessRow {
  pid: number;
  ppid: number;
  args: string;
}

/** Of this machine, now. From /proc where there is one: a small Debian has no `ps`. */
export function listProcesses(): ProcessRow[] {
  if (existsSync("/proc/self/stat")) return readdirSync("/proc").flatMap(readProcess);
  return execFileSync("ps", ["-eo", "pid=,ppid=,args="], { encoding: "utf8" })
    .split("\n")
    .flatMap((line) => {
      const [, pid, ppid, args] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
      return args === undefined ? [] : [{ pid: Number(pid), ppid: Number(ppid), args }];
    });
}

function readProcess(name: string): ProcessRow[] {
  if (!/^\d+$/.test(name)) return [];
  try {
    // `pid (name) state ppid …`, and the name may hold anything.
    const stat = readFileSync(`/proc/${name}/stat`, "utf8");
    const [state, ppid] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (state === "Z") return [];
    const args = readFileSync(`/proc/${name}/cmdline`, "utf8").replaceAll("\0", " ").trim();
    return [{ pid: Number(name), ppid: Number(ppid), args }];
  } catch {
    // It ended meanwhile.
    return [];
  }
}

export function descendants(root: number): ProcessRow[] {
  const rows = listProcesses();
  const found: ProcessRow[] = [];
  for (const queue = [root]; queue.length > 0; ) {
    const parent = queue.shift();
    for (const row of rows.filter(({ ppid }) => ppid === parent)) {
      found.push(row);
      queue.push(row.pid);
    }
  }
  return found;
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
