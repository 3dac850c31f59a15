const LONGEST = 80;

/** A title as the name of a file: without what means something to one of the file systems. */
export function toFileName(title: string): string {
  const clean = title
    .replaceAll(/[\p{C}\\/:*?"<>|%]+/gu, " ")
    .replaceAll(/\s+/g, " ")
    .replaceAll(/^[. ]+|[. ]+$/g, "")
    .slice(0, LONGEST)
    .toWellFormed()
    .trimEnd();
  return clean === "" ? "chat" : clean;
}
