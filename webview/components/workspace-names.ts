/**
 * What a workspace is called: the last part of each of its folders' paths, or of its file's; with
 * what comes before where another among them has the same name.
 */
export function workspaceNames(workspaces: readonly string[]): Map<string, string> {
  const short = workspaces.map(shortName);
  return new Map(
    workspaces.map((workspace, index) => {
      const name = short[index] ?? workspace;
      const isShared = short.filter((other) => other === name).length > 1;
      return [workspace, isShared ? `${name} (${workspace})` : name];
    }),
  );
}

export function shortName(workspace: string): string {
  const names = workspace.split(",").map((path) => {
    const last =
      path
        .replace(/[\\/]+$/, "")
        .split(/[\\/]/)
        .at(-1) || path;
    // Of a file it is an address.
    return /^[a-z][\w+.-]+:\/\//i.test(path) ? decoded(last) : last;
  });
  return names.map((name) => name.replace(/\.code-workspace$/, "")).join(", ");
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
