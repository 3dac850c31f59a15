// Chats out into files and in from them, where no editor does it.
import type { ImportReport } from "../../server/protocol/responses.ts";
import { isRecord } from "../../server/shared/json.ts";
import { CallFailure, type Link } from "../transport/transport.ts";
import { transferStrings } from "./strings.ts";

/**
 * Saves what stands at `path` under the name that the companion gives it, once all of it is
 * there: a part of a file is never taken for the whole. Rejects with `CallFailure`.
 */
export async function saveFile(
  link: Link,
  path: string,
  tell: (bytes: number) => void,
  signal: AbortSignal,
): Promise<string> {
  const response = await link.fetch(path, { signal });
  if (!response.ok) throw await link.refusal(response);
  const parts: BlobPart[] = [];
  let size = 0;
  const reader = response.body?.getReader();
  for (;;) {
    const part = await reader?.read().catch((thrown: unknown) => {
      const error = { code: "companion_lost", message: transferStrings().brokenOff };
      throw Object.assign(new CallFailure(error, true), { cause: thrown });
    });
    if (!part || part.done) break;
    parts.push(part.value);
    size += part.value.length;
    tell(size);
  }
  const type = response.headers.get("content-type") ?? "application/octet-stream";
  const name = nameIn(response.headers.get("content-disposition") ?? "");
  const url = URL.createObjectURL(new Blob(parts, { type }));
  const anchor = document.createElement("a");
  anchor.href = url;
  anchor.download = name;
  anchor.click();
  // The browser has its own hold of it by then.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
  return name;
}

function nameIn(disposition: string): string {
  const [, encoded] = /filename\*=UTF-8''([^;]+)/i.exec(disposition) ?? [];
  const [, plain = "chats.jsonl"] = /filename="([^"]*)"/i.exec(disposition) ?? [];
  return encoded === undefined ? plain : decodeURIComponent(encoded);
}

/** Rejects with `CallFailure`. */
export async function importFile(
  link: Link,
  file: Blob,
  asCopies: boolean,
  signal: AbortSignal,
): Promise<ImportReport> {
  const response = await link.fetch(`/v1/import?copies=${String(asCopies)}`, {
    method: "POST",
    body: file,
    headers: { "Content-Type": "application/jsonl" },
    signal,
  });
  const report: unknown = response.ok ? await response.json().catch(() => null) : null;
  if (!isReport(report)) throw await link.refusal(response);
  return report;
}

function isReport(value: unknown): value is ImportReport {
  return isRecord(value) && isRecord(value["counts"]) && Array.isArray(value["problems"]);
}
