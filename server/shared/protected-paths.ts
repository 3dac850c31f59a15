// Names of files that are never touched without a word of the user's: the companion judges what a
// model names, the editor what that name leads to.

/** Files and folders that hold keys, as globs of one name. */
export const SECRET_NAMES = [
  ".ssh",
  ".gnupg",
  ".aws",
  ".azure",
  ".kube",
  ".docker",
  ".netrc",
  ".npmrc",
  ".pypirc",
  ".pgpass",
  ".env",
  ".env.*",
  "id_*",
  "*.pem",
  "*.key",
  "*.p12",
  "*.pfx",
] as const;

const SECRET = new RegExp(
  `^(?:${SECRET_NAMES.map((name) => name.replaceAll(".", String.raw`\.`).replaceAll("*", ".*")).join("|")})$`,
  "i",
);

export function isSecretPath(path: string): boolean {
  return partsOf(path).some((part) => SECRET.test(part));
}

/** Files that make other programs run something: what begins with a dot, workspace files. */
export function isConfigPath(path: string): boolean {
  return partsOf(path).some((part) => /^\..|\.code-workspace$/i.test(part));
}

function partsOf(path: string): string[] {
  return path.split(/[\\/]/).filter((part) => part !== "." && part !== "..");
}
