// The files that the scripted companion serves, and those that it was given.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { extname } from "node:path";
import type {
  Attachment,
  AttachmentContent,
  AttachmentRef,
} from "../../../server/protocol/attachments.ts";
import { POLICY } from "./scripted-parts.ts";

/** Of what the build puts beside the page. */
const TYPES: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".ttf": "font/ttf",
  ".woff2": "font/woff2",
};
const BUILT = readdirSync(new URL("../../../dist/webview/", import.meta.url));

export interface ServedPage {
  type: string;
  body: string;
  policy?: string;
  /** What becomes of it after these bytes, if it does not end there. */
  after?: "hold" | "break";
}

/** False: there is none by this name. */
export function serveFile(
  pages: ReadonlyMap<string, ServedPage>,
  path: string,
  response: ServerResponse,
): boolean {
  const page = pages.get(path);
  const name = path === "/" ? "index.html" : path.slice(1);
  const type = page?.type ?? (BUILT.includes(name) ? TYPES[extname(name)] : undefined);
  if (type === undefined) return false;
  const body =
    page?.body ?? readFileSync(new URL(`../../../dist/webview/${name}`, import.meta.url));
  const policy = page ? page.policy : POLICY;
  response.writeHead(200, {
    "content-type": type,
    "cache-control": "no-store",
    ...(policy === undefined ? {} : { "content-security-policy": policy }),
  });
  if (page?.after === undefined) response.end(body);
  else response.write(body, () => page.after === "break" && response.destroy());
  return true;
}

/** As the log names it. */
export function keepAttached(
  kept: Map<string, AttachmentContent>,
  { type, media_type = "", name = "", data, hash: known = "" }: Attachment,
): AttachmentRef {
  const bytes = Buffer.from(data ?? kept.get(known)?.data ?? "", "base64");
  const hash = createHash("sha256").update(bytes).digest("hex");
  const content = kept.get(hash) ?? { media_type, data: data ?? "" };
  kept.set(hash, content);
  return { type, media_type: content.media_type, name, hash, bytes: bytes.length };
}
