import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type NextFunction, type Request, type Response, Router } from "express";
import { ChatError } from "../errors.ts";

/** The built app: beside the built server, or where the build of a checkout puts it. */
const FOLDERS = ["../webview/", "../../dist/webview/"].map(
  (path) => new URL(path, import.meta.url),
);

/**
 * By their endings; whatever the build puts beside the page is part of it, so no list
 * of names can lag behind.
 */
const TYPES = {
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".ttf": "font/ttf",
  ".woff2": "font/woff2",
} as const;

const PAGE_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' data: blob:; " +
  "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/**
 * The chat for a browser. It holds no secret: the token comes in the address'
 * fragment, which no server sees.
 */
export function webAppRouter(): Router {
  const router = Router();
  router.get("/", (_request: Request, response: Response) => {
    const page = builtFiles().get("index.html");
    if (!page) {
      throw new ChatError("not_found", "The web app is not built.", { hint: "npm run build" });
    }
    send(response, page, "text/html; charset=utf-8");
  });
  // Nothing of a request's path ever reaches the file system: it is looked up
  // among the names there are.
  router.get("/:name", (request: Request, response: Response, next: NextFunction) => {
    const name = String(request.params["name"]);
    const type = Object.entries(TYPES).find(([ending]) => name.endsWith(ending))?.[1];
    const file = type === undefined ? undefined : builtFiles().get(name);
    if (type === undefined || file === undefined) return next();
    send(response, file, type);
  });
  return router;
}

function send(response: Response, file: string, type: string): void {
  response.set({ "content-type": type, "content-security-policy": PAGE_POLICY });
  response.end(readFileSync(file));
}

/** Where each file of the built app is, by its name. */
function builtFiles(): ReadonlyMap<string, string> {
  const folder = FOLDERS.map((url) => fileURLToPath(url)).find((path) => existsSync(path));
  const names = folder === undefined ? [] : readdirSync(folder);
  return new Map(names.map((name) => [name, join(folder ?? "", name)]));
}
