import { statfsSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { DataDirError } from "./data-dir.ts";

/**
 * File systems whose files several machines can have open (`f_type` of statfs(2), Linux). A lock
 * there may hold on one machine only, and the shared memory of SQLite's WAL does not exist on them:
 * https://sqlite.org/wal.html.
 */
const NETWORK_DRIVES = new Map([
  [0x6969, "NFS"],
  [0x517b, "SMB"],
  [0xfe534d42, "SMB"],
  [0xff534d42, "SMB (CIFS)"],
  [0x01021997, "9p, as Windows drives in WSL are"],
  [0x5346414f, "AFS"],
  [0x00c36400, "Ceph"],
  [0x786f4256, "a shared folder of VirtualBox"],
]);

/**
 * Throws `DataDirError` if the folder is on a network drive. Elsewhere than on Linux only
 * Windows' own names tell.
 */
export function refuseNetworkDrive(folder: string): void {
  const kind = networkDriveOf(folder);
  if (kind === undefined) return;
  throw new DataDirError(
    `${folder} is on a network drive (${kind}), where locks and flushed writes cannot be relied on. ` +
      "Choose a folder on a local disk (--data-dir, --database; in VS Code: streamkeeper.dataDirectory).",
  );
}

function networkDriveOf(folder: string): string | undefined {
  if (process.platform === "win32") return folder.startsWith("\\\\") ? "SMB" : undefined;
  if (process.platform !== "linux") return undefined;
  try {
    // Signed on some machines, and wider than 32 bits on none.
    return NETWORK_DRIVES.get(statfsSync(folder).type >>> 0);
  } catch {
    // A folder that is not there is told about by whoever opens it.
    return undefined;
  }
}

/** What this user may still fill; undefined if it cannot be told. */
export async function freeBytesOf(folder: string): Promise<number | undefined> {
  const found = await statfs(folder).catch(() => undefined);
  return found && found.bavail * found.bsize;
}
