import type { Checkpoint, Kept } from "./checkpoints.ts";

/** What every file of these turns was before the first of them that changed it. */
export function firstKept(checkpoints: readonly Checkpoint[]): Kept[] {
  const first = new Map<string, Kept>();
  for (const { files } of checkpoints.toSorted((a, b) => b.created_at - a.created_at)) {
    for (const file of files) first.set(file.path, file);
  }
  return [...first.values()];
}
