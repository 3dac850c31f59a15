// A list of files that is too long, shortened so that no part of a project is missing.
// Knows nothing of VS Code.

interface Tree {
  files: string[];
  folders: Map<string, Tree>;
  count: number;
}

/**
 * All paths, or where they are more than `max`, as many folders opened as fit, the upper ones
 * first; of the others the number of files.
 */
export function treeLines(
  paths: readonly string[],
  max: number,
): { lines: string[]; isCut: boolean } {
  if (paths.length <= max) return { lines: paths.toSorted(), isCut: false };
  const lines: string[] = [];
  let waiting: [path: string, tree: Tree][] = [["", treeOf(paths)]];
  while (waiting.length > 0) {
    const below: [string, Tree][] = [];
    for (const [index, [path, tree]] of waiting.entries()) {
      // Each that waits needs a line, whatever becomes of it.
      const others = waiting.length - index - 1 + below.length;
      const room = max - lines.length - others;
      if (path !== "" && tree.files.length + tree.folders.size > room) {
        lines.push(`${path} (${tree.count} ${tree.count === 1 ? "file" : "files"})`);
        continue;
      }
      lines.push(...tree.files.map((name) => path + name));
      for (const [name, inner] of tree.folders) below.push([`${path}${name}/`, inner]);
    }
    waiting = below;
  }
  return { lines: lines.toSorted().slice(0, max), isCut: true };
}

function treeOf(paths: readonly string[]): Tree {
  const root: Tree = { files: [], folders: new Map(), count: 0 };
  for (const path of paths) {
    const names = path.split("/");
    const file = names.pop() ?? "";
    let tree = root;
    tree.count += 1;
    for (const name of names) {
      const inner: Tree = tree.folders.get(name) ?? { files: [], folders: new Map(), count: 0 };
      tree.folders.set(name, inner);
      inner.count += 1;
      tree = inner;
    }
    tree.files.push(file);
  }
  return root;
}
