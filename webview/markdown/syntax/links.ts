/** One address and nothing more: no subject, no words, no copies to others. */
const MAIL = /^mailto:[\w.+-]{1,64}@(?:[a-z\d][a-z\d-]{0,62}\.){1,8}[a-z]{2,24}$/i;

/**
 * The link as a browser would follow it, or null if it is not one to follow: only http and
 * https with a host and without a user name, which serves to hide the real host, or to write
 * to one address. Everything else stays text.
 */
export function toSafeUrl(raw: string): URL | null {
  if (MAIL.test(raw)) return new URL(raw);
  // Before parsing, because `new URL` would forgive backslashes, tabs and missing slashes.
  if (!/^https?:\/\/[^\\\s]+$/i.test(raw)) return null;
  if (!URL.canParse(raw)) return null;
  const url = new URL(raw);
  const isWeb = url.protocol === "http:" || url.protocol === "https:";
  return isWeb && url.hostname !== "" && url.username === "" && url.password === "" ? url : null;
}
