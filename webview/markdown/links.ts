/**
 * The link as a browser would follow it, or null if it is not one to follow: only http and
 * https with a host and without a user name, which serves to hide the real host.
 * Everything else stays text.
 */
export function toSafeUrl(raw: string): URL | null {
  // Before parsing, because `new URL` would forgive backslashes, tabs and missing slashes.
  if (!/^https?:\/\/[^\\\s]+$/i.test(raw)) return null;
  if (!URL.canParse(raw)) return null;
  const url = new URL(raw);
  const isWeb = url.protocol === "http:" || url.protocol === "https:";
  return isWeb && url.hostname !== "" && url.username === "" && url.password === "" ? url : null;
}
