// What files were before a turn changed them, kept outside of the workspace, so that nothing of the user's repository
// is touched. One folder per session, one file per turn.
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod/mini";
import { isInside } from "./paths.ts";

const Kept = z.object({
  path: z.string(),
  /** Base64; null for what was not there. */
  before: z.nullable(z.string()),
  isFolder: z.optional(z.boolean()),
});
const Checkpoint = z.object({ turn_id: z.string(), created_at: z.number(), files: z.array(Kept) });
export type Checkpoint = z.infer<typeof Checkpoint>;

const MAX_SESSIONS = 200;
const ID = /^[A-Za-z0-9_-]{1,64}$/;

export class Checkpoints {
  readonly #root: string;
  /** One step after another, since two may change the same file's list. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(root: string) {
    this.#root = root;
  }

  /** Keeps what `path` is now, unless this turn has kept it before. Rejects if that is impossible; then nothing may be changed. */
  async keep(sessionId: string, turnId: string, path: string): Promise<void> {
    const step = this.#last.then(() => this.#keep(sessionId, turnId, path));
    this.#last = step.catch(() => undefined);
    await step;
  }

  async #keep(sessionId: string, turnId: string, path: string): Promise<void> {
    const folder = this.#folder(sessionId);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const checkpoint = (await this.#read(sessionId, turnId)) ?? {
      turn_id: turnId,
      created_at: Date.now(),
      files: [],
    };
    if (checkpoint.files.some((file) => file.path === path)) return;
    const before = await read(path);
    checkpoint.files.push({ path, ...before });
    const name = join(folder, `${turnId}.json`);
    await writeFile(`${name}.new`, JSON.stringify(checkpoint), { mode: 0o600 });
    await rename(`${name}.new`, name);
    await this.#forgetOld();
  }

  /** Of a session, oldest first. */
  async list(sessionId: string): Promise<Checkpoint[]> {
    const names = await readdir(this.#folder(sessionId)).catch(() => []);
    const ids = names.filter((name) => name.endsWith(".json")).map((name) => name.slice(0, -5));
    const found = await Promise.all(ids.map((id) => this.#read(sessionId, id)));
    return found
      .filter((checkpoint) => checkpoint !== undefined)
      .toSorted((a, b) => a.created_at - b.created_at);
  }

  /**
   * Puts back what the files were before these turns, the newest turn first. Only inside of `folders`: a checkpoint is
   * a file that others could have written. Resolves with the paths that were put back.
   */
  async restore(
    checkpoints: readonly Checkpoint[],
    folders: readonly { path: string }[],
  ): Promise<string[]> {
    const first = new Map<string, z.infer<typeof Kept>>();
    for (const { files } of checkpoints.toSorted((a, b) => b.created_at - a.created_at)) {
      for (const file of files) first.set(file.path, file);
    }
    const restored: string[] = [];
    // What is deepest goes first, so that a folder is empty when its turn comes.
    for (const { path, before, isFolder } of [...first.values()].toSorted(
      (a, b) => b.path.length - a.path.length,
    )) {
      if (!folders.some((folder) => isInside(folder.path, path))) continue;
      if (before !== null) await writeFile(path, Buffer.from(before, "base64"));
      else if (!isFolder) await rm(path, { force: true, recursive: false }).catch(() => undefined);
      restored.push(path);
    }
    return restored;
  }

  /** What belongs to turns that are not in the chat any more. */
  async forget(sessionId: string, turnIds: readonly string[]): Promise<void> {
    for (const id of turnIds) {
      if (ID.test(id)) await rm(join(this.#folder(sessionId), `${id}.json`), { force: true });
    }
  }

  #folder(sessionId: string): string {
    if (!ID.test(sessionId)) throw new Error("not the id of a session");
    return join(this.#root, sessionId);
  }

  async #read(sessionId: string, turnId: string): Promise<Checkpoint | undefined> {
    if (!ID.test(turnId)) throw new Error("not the id of a turn");
    const path = join(this.#folder(sessionId), `${turnId}.json`);
    const text = await readFile(path, "utf8").catch(() => undefined);
    if (text === undefined) return undefined;
    const parsed = Checkpoint.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : undefined;
  }

  async #forgetOld(): Promise<void> {
    const names = await readdir(this.#root);
    if (names.length <= MAX_SESSIONS) return;
    const ages = await Promise.all(
      names.map(async (name) => ({ name, at: (await stat(join(this.#root, name))).mtimeMs })),
    );
    const old = ages.toSorted((a, b) => b.at - a.at).slice(MAX_SESSIONS);
    for (const { name } of old) await rm(join(this.#root, name), { recursive: true, force: true });
  }
}

async function read(path: string): Promise<{ before: string | null; isFolder?: boolean }> {
  try {
    return { before: (await readFile(path)).toString("base64") };
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    if (code === "ENOENT") return { before: null };
    if (code === "EISDIR") return { before: null, isFolder: true };
    throw thrown;
  }
}
