// Skills of a workspace: folders with a SKILL.md, which the model reads when it needs one.
import { readdir } from "node:fs/promises";
import { join } from "node:path";

const FOLDERS = [".claude/skills", ".github/skills", ".agents/skills"];
const MAX_SKILLS = 100;

/** Whether they are all there is to be seen. */
export async function skillFiles(root: string): Promise<string[]> {
  const found = await Promise.all(
    FOLDERS.map(async (folder) => {
      const names = await readdir(join(root, folder)).catch(() => []);
      return names
        .toSorted((a, b) => (a < b ? -1 : 1))
        .map((name) => join(root, folder, name, "SKILL.md"));
    }),
  );
  return found.flat().slice(0, MAX_SKILLS);
}
