// Chats out as files, and in.
import { type Request, type Response, Router } from "express";
import type { FileParts } from "../chat/chat.ts";
import { ChatError } from "../errors.ts";
import { Id } from "../protocol/fields.ts";
import {
  type ExportFormat,
  ExportQuery,
  ForkRequest,
  ImportQuery,
} from "../protocol/served-requests.ts";
import { toFileName } from "../shared/file-names.ts";
import { parse } from "./body.ts";
import type { HttpDeps } from "./context.ts";
import { allowOnly } from "./error-handler.ts";

interface FileType {
  type: string;
  extension: string;
}

const TYPES: Record<ExportFormat, FileType> = {
  jsonl: { type: "application/jsonl; charset=utf-8", extension: "jsonl" },
  markdown: { type: "text/markdown; charset=utf-8", extension: "md" },
  html: { type: "text/html; charset=utf-8", extension: "html" },
};

const MAX_LINE_BYTES = 64 * 1024 * 1024;
/**
 * For the bytes of a file to come, and more for each that did; the time that
 * storing takes does not count.
 */
const WAIT_MS = 10_000;
const SLOWEST_BYTES_PER_MS = 64;

/** Comes before the JSON bodies: a file is read line by line, however long it is. */
export function importRouter({ chat }: HttpDeps): Router {
  const router = Router();
  router
    .route("/v1/import")
    .post(async (request: Request, response: Response) => {
      const { copies = "false" } = parse(ImportQuery, request.query);
      if (!/^application\/(?:jsonl|x-ndjson)\b/i.test(request.headers["content-type"] ?? "")) {
        throw new ChatError("unsupported_media_type", "The body must be application/jsonl.");
      }
      const encoding = request.headers["content-encoding"] ?? "identity";
      if (encoding !== "identity") {
        throw new ChatError("unsupported_media_type", "The body must not be compressed.");
      }
      response.json(await chat.importChats(linesOf(request), copies === "true"));
    })
    .all(allowOnly("POST"));
  return router;
}

export function transferRouter({ chat }: HttpDeps): Router {
  const router = Router();

  router
    .route("/v1/sessions/:id/export")
    .get(async (request: Request, response: Response) => {
      const { format = "jsonl" } = parse(ExportQuery, request.query);
      const { title, parts } = await chat.exportChat(parse(Id, request.params["id"]), format);
      await sendFile(response, TYPES[format], title, parts);
    })
    .all(allowOnly("GET"));

  router
    .route("/v1/export")
    .get(async (_request: Request, response: Response) => {
      await sendFile(response, TYPES.jsonl, "chats", chat.exportAll());
    })
    .all(allowOnly("GET"));

  router
    .route("/v1/sessions/:id/fork")
    .post(async (request: Request, response: Response) => {
      const wish = parse(ForkRequest, request.body);
      response.status(201).json(await chat.forkSession(parse(Id, request.params["id"]), wish));
    })
    .all(allowOnly("POST"));

  return router;
}

/** The first part before anything is said: what cannot be read is an error and no short file. */
async function sendFile(
  response: Response,
  type: FileType,
  title: string,
  parts: FileParts,
): Promise<void> {
  for await (const part of parts) {
    if (!response.headersSent) announceFile(response, type, title);
    if (!response.write(part)) await drained(response);
    if (response.destroyed) return;
  }
  response.end();
}

/**
 * A name without what means something to a file system, and as it is for
 * clients that know RFC 8187.
 */
function announceFile(response: Response, { type, extension }: FileType, title: string): void {
  const name = `${toFileName(title)}.${extension}`;
  const ascii = name.replaceAll(/[^\x20-\x7e]+/g, "_");
  const encoded = encodeURIComponent(name).replaceAll(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  response.set("content-type", type);
  response.set(
    "content-disposition",
    `attachment; filename="${ascii}"; filename*=UTF-8''${encoded}`,
  );
}

function drained(response: Response): Promise<void> {
  return new Promise((resolve) => {
    const settle = () => {
      response.off("drain", settle).off("close", settle);
      resolve();
    };
    response.on("drain", settle).on("close", settle);
  });
}

/**
 * The lines of a body as they come. Rejects with `payload_too_large` for one without an end;
 * a trickle is broken off.
 */
async function* linesOf(request: Request): AsyncGenerator<{ number: number; text: string }> {
  let rest: Buffer[] = [];
  let held = 0;
  let number = 0;
  for await (const part of partsInTime(request)) {
    let from = 0;
    for (let at = part.indexOf(10); at >= 0; at = part.indexOf(10, from)) {
      yield { number: ++number, text: textOf([...rest, part.subarray(from, at)]) };
      rest = [];
      held = 0;
      from = at + 1;
    }
    rest.push(part.subarray(from));
    held += part.length - from;
    if (held > MAX_LINE_BYTES) {
      throw new ChatError("payload_too_large", `Line ${number + 1} is too long for a chat.`, {
        hint: "What stood before it is imported. This does not look like a file of exported chats.",
      });
    }
  }
  if (held > 0) yield { number: number + 1, text: textOf(rest) };
}

function textOf(parts: readonly Buffer[]): string {
  return Buffer.concat(parts)
    .toString("utf8")
    .replace(/^\uFEFF/, "");
}

async function* partsInTime(request: Request): AsyncGenerator<Buffer> {
  let size = 0;
  let waited = 0;
  // A refusal in the middle must still reach the client.
  const parts = request.iterator({ destroyOnReturn: false }) as AsyncIterator<Buffer, undefined>;
  try {
    for (;;) {
      const begun = performance.now();
      const rest = WAIT_MS + size / SLOWEST_BYTES_PER_MS - waited;
      const timer = setTimeout(() => request.destroy(), rest);
      const part = await parts.next();
      clearTimeout(timer);
      waited += performance.now() - begun;
      if (part.done) return;
      size += part.value.length;
      yield part.value;
    }
  } finally {
    await parts.return?.();
  }
}
