// What files were before a turn changed them, kept outside of the workspace, so that nothing of the
// user's repository is touched. One folder per session, one file per turn.
import {
  lstat,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  rmdir,
  stat,
  writeFile,
} from "node:fs/promises";
import { dirname, join } from "node:path";
import * as z from "zod/mini";

const Kept = z.object({
  path: z.string(),
  /** Base64; null for what was not there. */
  before: z.nullable(z.string()),
  /** What the turn has made of it, and the name that the model has for it. */
  after: z.optional(z.string()),
  name: z.optional(z.string()),
  isFolder: z.optional(z.boolean()),
});
export type Kept = z.infer<typeof Kept>;
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

  /**
   * Keeps what `path` is now, unless this turn has kept it before. Rejects if that is impossible;
   * then nothing may be changed.
   */
  async keep(sessionId: string, turnId: string, path: string): Promise<void> {
    await this.#next(() => this.#keep(sessionId, turnId, path));
  }

  /** Keeps what the turn has made of `path`, too; resolves with what that was before. */
  async keepAfter(
    sessionId: string,
    turnId: string,
    { path, name, bytes }: { path: string; name: string; bytes: Uint8Array },
  ): Promise<Kept | undefined> {
    return await this.#next(async () => {
      const checkpoint = await this.#read(sessionId, turnId);
      const kept = checkpoint?.files.find((file) => file.path === path);
      if (!checkpoint || !kept) return undefined;
      Object.assign(kept, { name, after: Buffer.from(bytes).toString("base64") });
      await this.#write(sessionId, checkpoint);
      return kept;
    });
  }

  #next<T>(work: () => Promise<T>): Promise<T> {
    const step = this.#last.then(work);
    this.#last = step.catch(() => undefined);
    return step;
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
    await this.#write(sessionId, checkpoint);
    await this.#forgetOld();
  }

  async #write(sessionId: string, checkpoint: Checkpoint): Promise<void> {
    const name = join(this.#folder(sessionId), `${checkpoint.turn_id}.json`);
    await writeFile(`${name}.new`, JSON.stringify(checkpoint), { mode: 0o600 });
    await rename(`${name}.new`, name);
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
   * Puts `files` back, each by itself; resolves with what could not be and why. A folder that was
   * made goes only when it is empty.
   */
  async restore(files: readonly Kept[]): Promise<{ path: string; reason: string }[]> {
    const failed: { path: string; reason: string }[] = [];
    // What is deepest goes first, so that a folder is empty when its turn comes.
    for (const { path, before, isFolder } of files.toSorted(
      (a, b) => b.path.length - a.path.length,
    )) {
      try {
        if (before === null) await remove(path);
        else if (!isFolder) {
          await mkdir(dirname(path), { recursive: true });
          await writeFile(path, Buffer.from(before, "base64"));
        }
      } catch (thrown) {
        failed.push({ path, reason: thrown instanceof Error ? thrown.message : String(thrown) });
      }
    }
    return failed;
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

/** A file, or a folder with nothing in it; what is not there needs no removing. */
async function remove(path: string): Promise<void> {
  const stats = await lstat(path).catch(() => undefined);
  if (stats?.isDirectory()) await rmdir(path);
  else if (stats) await rm(path);
}

async function read(path: string): Promise<{ before: string | null; isFolder?: boolean }> {
  try {
    return { before: (await readFile(path)).toString("base64") };
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return { before: null };
    // A folder that is there stays there.
    if (code === "EISDIR") return { before: "", isFolder: true };
    throw thrown;
  }
}
