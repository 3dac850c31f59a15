import { createLog, type Log } from "../../server/log.ts";

type Line = Record<string, unknown> & { level: string; msg: string };

/** A log that keeps its lines, as the file or the channel would get them. */
export function memoryLog(): { log: Log; lines: Line[] } {
  const lines: Line[] = [];
  const log = createLog("debug", {
    write(line: string) {
      lines.push(JSON.parse(line) as Line);
    },
  });
  return { log, lines };
}
