// Commits as context: found among the newest or by name, and what one of them changed.
import { realpath } from "node:fs/promises";
import { resolve } from "node:path";
import type { ContextItem } from "../../server/protocol/requests.ts";
import type { Mention } from "../../webview/messages.ts";
import { cut } from "../tools/bounds.ts";
import { type Folder, ToolError, type WorkspaceRoots } from "../tools/paths.ts";
import { type Git, gitIn, PLAIN_DIFF, partOf, placesIn } from "./git-program.ts";
import { type LeftOut, leftOutByName, MAX_LINES, MAX_ONE, MAX_TOGETHER } from "./left-out.ts";

const MAX_FOUND = 20;
/** What was typed is looked for in so many of the newest. */
const MAX_LOOKED_AT = 500;
const MAX_MESSAGE = 10_000;
const MAX_DETAIL = 300;
const HASH = /^[\da-f]{4,64}$/i;

/** Of a folder of the workspace that is in a repository. */
interface Place {
  git: Git;
  folder: Folder;
  /** The repository, and where in it the folder is. */
  key: string;
  isWhole: boolean;
}

/** The newest, or those that fit a hash, a branch, words of a subject, an author. */
export async function findCommits(folders: readonly Folder[], typed: string): Promise<Mention[]> {
  const places = await placesOf(folders);
  const found = await Promise.all(places.map((place) => findIn(place, typed).catch(() => [])));
  const byName = new Map(found.flat().map((one) => [one.name, one]));
  return [...byName.values()].slice(0, MAX_FOUND);
}

async function findIn({ git, isWhole }: Place, typed: string): Promise<Mention[]> {
  const format = ["--date=short", "--format=%H%x00%h%x00%s%x00%an%x00%ad"];
  const named = typed === "" ? undefined : await hashOf(git, typed);
  const where = isWhole ? [] : ["--", "."];
  const logs = await Promise.all([
    named === undefined ? "" : git("log", "-n1", ...format, named),
    git("log", `-n${typed === "" ? MAX_FOUND : MAX_LOOKED_AT}`, ...format, ...where),
  ]);
  const [first, newest] = logs.map((log) => log.split("\n").filter(Boolean).map(toLine));
  const sought = typed.toLowerCase();
  const fitting = (newest ?? []).filter(
    ({ hash, words }) => hash.startsWith(sought) || words.toLowerCase().includes(sought),
  );
  return [...(first ?? []), ...fitting].slice(0, MAX_FOUND).map(({ short, words }) => ({
    kind: "commit",
    name: short,
    detail: words.slice(0, MAX_DETAIL).toWellFormed(),
  }));
}

function toLine(line: string): { hash: string; short: string; words: string } {
  const [hash = "", short = "", subject = "", author = "", date = ""] = line.split("\0");
  return { hash, short, words: `${subject} · ${author}, ${date}` };
}

async function hashOf(git: Git, typed: string): Promise<string | undefined> {
  if (typed.startsWith("-")) return undefined;
  const hash = await git("rev-parse", "--verify", "--quiet", `${typed}^{commit}`).catch(() => "");
  return hash.trim() || undefined;
}

/** Folders of one repository are one place each; the same one opened twice is one. */
async function placesOf(folders: readonly Folder[]): Promise<Place[]> {
  const all = await Promise.all(
    folders.map(async (folder): Promise<Place[]> => {
      try {
        const git = await gitIn(folder.path);
        const told = await git("rev-parse", "--git-common-dir", "--show-prefix");
        const [common = "", prefix = ""] = told.split("\n");
        const key = `${await realpath(resolve(folder.path, common))}\0${prefix}`;
        return [{ git, folder, key, isWhole: prefix === "" }];
      } catch {
        return [];
      }
    }),
  );
  return [...new Map(all.flat().map((place) => [place.key, place])).values()];
}

/** Rejects where no folder of the workspace has it. */
export async function readCommit(
  roots: WorkspaceRoots,
  name: string | undefined,
): Promise<ContextItem> {
  if (name === undefined || !HASH.test(name)) throw new ToolError("It is no hash of a commit.");
  const places = await placesOf(roots.folders);
  const read = await Promise.all(
    places.map(async (place) => {
      const hash = await hashOf(place.git, name);
      return hash === undefined ? [] : [await readIn(roots, place, hash)];
    }),
  );
  const [first] = read.flat();
  if (!first) throw new ToolError(`There is no commit ${name}.`);
  const files = read.flat().flatMap((one) => one.files);
  const elsewhere = Math.max(...read.flat().map((one) => one.all)) - files.length;
  return {
    type: "commit",
    label: `${name} ${first.subject}`,
    content: tell(first.head, files, elsewhere),
  };
}

interface ReadCommit {
  subject: string;
  head: string;
  files: ChangedFile[];
  /** How many files it changed, also outside of the workspace's folder. */
  all: number;
}

interface ChangedFile {
  name: string;
  lines: string;
  patch: string;
  leftOut: LeftOut | undefined;
}

async function readIn(roots: WorkspaceRoots, place: Place, hash: string): Promise<ReadCommit> {
  const { git, folder, isWhole } = place;
  const places = placesIn(roots, folder.path);
  // Of a merge, what it brought to the branch it was made on; of the first commit, all there is.
  const show = ["show", "--format=", "-m", "--first-parent", "-M", "--submodule=short"];
  const numbers = ["--numstat", "-z"];
  const patch = ["-p", "-U3", "--src-prefix=a/", "--dst-prefix=b/"];
  const format = "--format=%s%x00commit %H%nAuthor: %an%nDate: %ad%n%n%B";
  const [said, counted, patches, everywhere] = await Promise.all([
    git("log", "-n1", "--date=iso-strict", "--encoding=UTF-8", format, hash),
    git(...show, ...numbers, ...PLAIN_DIFF, hash, ...places),
    git(...show, ...patch, ...PLAIN_DIFF, hash, ...places).catch(partOf),
    isWhole ? "" : git(...show, ...numbers, "--no-relative", "--no-ext-diff", hash),
  ]);
  const [subject = "", head = ""] = said.split("\0");
  const changes = toChanges(counted);
  const prefix = roots.folders.length > 1 ? `${folder.name}/` : "";
  const byHeader = Map.groupBy(patches.split(/^(?=diff --git )/m), (one) => one.split("\n", 1)[0]);
  const files = changes.map(({ name, old, added, removed }): ChangedFile => {
    // One that has become a link, or the other way round, is two patches.
    const patch = byHeader.get(`diff --git a/${old} b/${name}`)?.join("") ?? "";
    const byName = leftOutByName(name) ?? leftOutByName(old);
    const isText = added !== "-" && patch !== "";
    return {
      name: prefix + (old === name ? name : `${old} → ${name}`),
      lines: added === "-" ? "" : ` +${added} -${removed}`,
      patch,
      leftOut: byName ?? (isText ? undefined : "no text"),
    };
  });
  const all = isWhole ? changes.length : toChanges(everywhere).length;
  return { subject, head: cut(head.trimEnd(), MAX_MESSAGE), files, all };
}

interface Change {
  name: string;
  /** The same where it was not moved. */
  old: string;
  /** "-" of what is no text. */
  added: string;
  removed: string;
}

/** `ADDED TAB REMOVED TAB NAME NUL`, or of what was moved `… TAB NUL OLD NUL NAME NUL`. */
function toChanges(numbers: string): Change[] {
  const fields = numbers.split("\0");
  const changes: Change[] = [];
  for (let at = 0; at < fields.length; at += 1) {
    const [, added, removed, name] = /^\n?(-|\d+)\t(-|\d+)\t(.*)$/s.exec(fields[at] ?? "") ?? [];
    if (added === undefined || removed === undefined || name === undefined) continue;
    if (name !== "") changes.push({ name, old: name, added, removed });
    else {
      const [old = "", moved = ""] = fields.slice(at + 1, at + 3);
      changes.push({ name: moved, old, added, removed });
      at += 2;
    }
  }
  return changes;
}

/** The short patches first, so that a long one takes the room of no other; then in git's order. */
function tell(head: string, files: readonly ChangedFile[], elsewhere: number): string {
  const chosen = new Map<ChangedFile, string>();
  const why = new Map(files.map((file) => [file, file.leftOut]));
  let room = MAX_TOGETHER;
  const open = files.filter(({ leftOut }) => leftOut === undefined);
  for (const file of open.toSorted((a, b) => a.patch.length - b.patch.length)) {
    const part = cut(file.patch, MAX_ONE).trimEnd();
    if (part.length > room) why.set(file, "no room left");
    else {
      chosen.set(file, part);
      room -= part.length;
    }
  }
  const names = files.map((file) => {
    const reason = why.get(file);
    return `${file.name}${file.lines}${reason === undefined ? "" : ` [not shown: ${reason}]`}`;
  });
  const more = names.length - MAX_LINES;
  const notes = [
    ...(more > 0 ? [`[and ${more} more files]`] : []),
    ...(elsewhere > 0 ? [`[and ${elsewhere} outside of the workspace's folder]`] : []),
  ];
  const list = [...names.slice(0, MAX_LINES), ...notes].join("\n");
  return [head, list, ...files.flatMap((file) => chosen.get(file) ?? [])].join("\n\n");
}
