/**
 * How well a path fits what was typed of it, in small letters; less is better, `Infinity` not at
 * all. Best is the beginning of the file's name, then the middle of it, then of the folders, last
 * all characters in their order.
 */
export function rank(path: string, typed: string): number {
  const text = path.toLowerCase();
  const name = text.lastIndexOf("/") + 1;
  const inName = text.indexOf(typed, name);
  if (inName >= 0) return inName - name + text.length / 1e4;
  if (text.includes(typed)) return 1e3 + text.length;
  let at = -1;
  for (const char of typed) {
    at = text.indexOf(char, at + 1);
    if (at < 0) return Infinity;
  }
  return 1e5 + at + text.length;
}
