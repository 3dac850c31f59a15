// Which files have changed while a command ran: by looking before and after it. Where git knows the
// folder it is asked, elsewhere all files are looked at, up to a bound. A bundle of its own.
import { stat } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import type { CommandChanges } from "../../../server/protocol/changes.ts";
import { type Git, gitIn } from "../../context/git-program.ts";
import { filesBelow } from "../files/files-below.ts";
import { type Folder, isInside, nameOf, type WorkspaceRoots } from "../paths.ts";

type Changed = CommandChanges["files"][number];

/** A command is not held up by more than these. */
const LOOK_MS = 5_000;
const AGAIN_AFTER_MS = 600_000;
const MAX_FILES = 5_000;
const MAX_NAMED = 100;
const ONE_BY_ONE = 64;

/** Size and times of a file, by its path; null: there is none. */
type Stamps = Map<string, string | null>;

interface Look {
  stamps: Stamps;
  /** All files have a stamp; else those that differ from the last commit. */
  isWhole: boolean;
  repository?: Repository | undefined;
  head?: string | undefined;
}

interface Repository {
  git: Git;
  /** The workspace's folder in it, with a slash at the end. */
  prefix: string;
}

/** When a folder could not be looked at in time: the next commands are not held up again. */
const givenUp = new Map<string, number>();

/**
 * What it resolves with is to be called when the command has ended, and tells nothing where nothing
 * has changed. Neither rejects.
 */
export async function watchFiles({
  folders,
  closed,
}: WorkspaceRoots): Promise<() => Promise<CommandChanges | undefined>> {
  const befores = await Promise.all(
    folders.map(async (folder) => ({ folder, before: await lookInTime(folder) })),
  );
  return async () => {
    const found = await Promise.all(
      befores.map(async ({ folder, before }) => {
        const after = before && (await lookInTime(folder, before.repository));
        return before && after && (await inTime(differences(folder, before, after)));
      }),
    );
    const isKnown = found.every((one) => one !== undefined);
    const byPath = new Map(found.flatMap((one) => one ?? []));
    const files = [...byPath]
      .filter(([path]) => !closed.some((one) => isInside(one, path)))
      .map(([path, is]) => ({ path: nameOf(folders, path), is }));
    if (isKnown && files.length === 0) return undefined;
    const named = files.toSorted((a, b) => (a.path < b.path ? -1 : 1)).slice(0, MAX_NAMED);
    return { files: named, more: isKnown ? files.length - named.length : null };
  };
}

/** Undefined where it failed or took too long. */
async function inTime<T>(work: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), LOOK_MS);
  });
  return await Promise.race([work.catch(() => undefined), late]).finally(() => clearTimeout(timer));
}

async function lookInTime(folder: Folder, known?: Repository): Promise<Look | undefined> {
  const since = givenUp.get(folder.path);
  if (since !== undefined && performance.now() - since < AGAIN_AFTER_MS) return undefined;
  const look = await inTime(lookAt(folder, known));
  if (!look) givenUp.set(folder.path, performance.now());
  return look;
}

async function lookAt({ path }: Folder, known?: Repository): Promise<Look> {
  const repository = known ?? (await repositoryOf(path));
  if (repository) {
    const { git, prefix } = repository;
    const [head, status] = await Promise.all([headOf(git), git(...STATUS)]);
    const names = status.split("\0").filter((entry) => entry.length > 3);
    const paths = names.map((entry) => join(path, entry.slice(3 + prefix.length)));
    return { stamps: await stampsOf(paths), isWhole: false, repository, head };
  }
  const { files, isPartial } = await filesBelow(path, AbortSignal.timeout(LOOK_MS));
  if (isPartial) throw new RangeError("too many files");
  return { stamps: await stampsOf(files.map((name) => join(path, name))), isWhole: true };
}

/** Of this folder alone, each file by its own name; submodules have commits of their own. */
const STATUS = [
  ...["status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=all"],
  ...["--ignore-submodules=all", "--", "."],
];

async function repositoryOf(path: string): Promise<Repository | undefined> {
  try {
    const git = await gitIn(path);
    const prefix = (await git("rev-parse", "--show-prefix")).replace(/\n$/, "");
    // A folder that git leaves out altogether has no status.
    const isLeftOut = prefix !== "" && (await succeeds(git("check-ignore", "-q", ".")));
    return isLeftOut ? undefined : { git, prefix };
  } catch {
    return undefined;
  }
}

async function headOf(git: Git): Promise<string | undefined> {
  return (await git("rev-parse", "-q", "--verify", "HEAD").catch(() => "")).trim() || undefined;
}

async function stampsOf(paths: readonly string[]): Promise<Stamps> {
  if (paths.length > MAX_FILES) throw new RangeError("too many files");
  const stamps: Stamps = new Map();
  for (let at = 0; at < paths.length; at += ONE_BY_ONE) {
    const some = paths.slice(at, at + ONE_BY_ONE);
    await Promise.all(some.map(async (path) => stamps.set(path, await stampOf(path))));
  }
  return stamps;
}

async function stampOf(path: string): Promise<string | null> {
  return await stat(path, { bigint: true }).then(
    ({ size, mtimeNs, ino, mode }) => [size, mtimeNs, ino, mode].join(),
    () => null,
  );
}

async function differences(
  { path: folder }: Folder,
  before: Look,
  after: Look,
): Promise<[string, Changed["is"]][]> {
  const moved = await movedIn(folder, before, after);
  const paths = new Set([...before.stamps.keys(), ...after.stamps.keys(), ...moved.keys()]);
  if (paths.size > MAX_FILES) throw new RangeError("too many files");
  const all = await Promise.all(
    [...paths].map(async (path): Promise<[string, Changed["is"]][]> => {
      const was = before.stamps.get(path);
      const now = after.stamps.has(path) ? after.stamps.get(path) : await stampOf(path);
      if (was === now) return [];
      // What git did not tell of before was as in the last commit, if it was there.
      const wasThere =
        was === undefined
          ? (moved.get(path) ?? (await isIn(before, relative(folder, path))))
          : was !== null;
      if (now === null) return wasThere ? [[path, "deleted"]] : [];
      return [[path, wasThere ? "changed" : "new"]];
    }),
  );
  return all.flat();
}

/** What differs between the last commits of both, and whether the first one had it. */
async function movedIn(
  folder: string,
  { repository, head }: Look,
  after: Look,
): Promise<Map<string, boolean>> {
  const moved = new Map<string, boolean>();
  if (!repository || head === undefined || head === (after.head ?? head)) return moved;
  const { git, prefix } = repository;
  const told = await git(...MOVED, head, after.head ?? head, "--", ".");
  const fields = told.split("\0");
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const name = fields[at + 1]?.slice(prefix.length) ?? "";
    moved.set(join(folder, name), fields[at] !== "A");
  }
  return moved;
}

const MOVED = ["diff-tree", "-r", "-z", "--name-status", "--no-renames"];

async function isIn({ repository, head }: Look, name: string): Promise<boolean> {
  if (!repository || head === undefined) return false;
  const path = name.split(sep).join("/");
  return await succeeds(repository.git("cat-file", "-e", `${head}:./${path}`));
}

async function succeeds(work: Promise<unknown>): Promise<boolean> {
  return await work.then(
    () => true,
    () => false,
  );
}
