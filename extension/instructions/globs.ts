// Whether what somebody has written down for some files is about those that a message is about.
import picomatch from "picomatch";

const ALWAYS = new Set(["*", "**", "**/*", "**/**"]);

export function isForAll(globs: readonly string[]): boolean {
  return globs.some((glob) => ALWAYS.has(glob));
}

/**
 * `files`: relative to the folder that the globs belong to, with `/`. `!` takes files out again.
 */
export function areAbout(globs: readonly string[], files: readonly string[]): boolean {
  const wanted = globs.filter((glob) => !glob.startsWith("!")).flatMap(patternsOf);
  const unwanted = globs.filter((glob) => glob.startsWith("!")).map((glob) => glob.slice(1));
  const options = { dot: true, nocase: process.platform !== "linux" };
  const isWanted = picomatch(wanted, options);
  const isUnwanted = picomatch(unwanted.flatMap(patternsOf), options);
  return files.some((file) => isWanted(file) && !isUnwanted(file));
}

/**
 * A glob that does not begin at the folder (`/src/**`) counts at any depth; a name
 * counts for all below it, too.
 */
function patternsOf(glob: string): string[] {
  const plain = glob.replace(/^\.\//, "").replace(/\/$/, "/**");
  const placed = plain.startsWith("/")
    ? plain.slice(1)
    : plain.startsWith("**/")
      ? plain
      : `**/${plain}`;
  return /[*?{[]/.test(plain) ? [placed] : [placed, `${placed}/**`];
}
