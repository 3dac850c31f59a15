import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Request, type Response, Router } from "express";
import { ChatError } from "../errors.ts";

/** The built app: beside the built server, or where the build of a checkout puts it. */
const FOLDERS = ["../webview/", "../../dist/webview/"].map(
  (path) => new URL(path, import.meta.url),
);

/** The files there are; nothing of a request's path ever reaches the file system. */
const FILES = {
  "/": { file: "index.html", type: "text/html; charset=utf-8" },
  "/app.js": { file: "app.js", type: "text/javascript; charset=utf-8" },
  "/chunk.js": { file: "chunk.js", type: "text/javascript; charset=utf-8" },
  "/en.js": { file: "en.js", type: "text/javascript; charset=utf-8" },
  "/ru.js": { file: "ru.js", type: "text/javascript; charset=utf-8" },
  "/highlight.js": { file: "highlight.js", type: "text/javascript; charset=utf-8" },
  "/app.css": { file: "app.css", type: "text/css; charset=utf-8" },
  "/codicon.ttf": { file: "codicon.ttf", type: "font/ttf" },
} as const;

const PAGE_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' data:; " +
  "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** The chat for a browser. It holds no secret: the token comes in the address' fragment, which no server sees. */
export function webAppRouter(): Router {
  const router = Router();
  for (const [path, { file, type }] of Object.entries(FILES)) {
    router.get(path, (_request: Request, response: Response) => {
      const content = read(file);
      if (!content) {
        throw new ChatError("not_found", "The web app is not built.", { hint: "npm run build" });
      }
      response.set({ "content-type": type, "content-security-policy": PAGE_POLICY });
      response.end(content);
    });
  }
  return router;
}

function read(file: string): Buffer | undefined {
  for (const folder of FOLDERS) {
    const path = fileURLToPath(new URL(file, folder));
    if (existsSync(path)) return readFileSync(path);
  }
  return undefined;
}
