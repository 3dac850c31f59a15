// The bytes of what is attached to drafts, by their hash: in memory, and in the tab's storage for a
// reload. The state names them only: it is written anew with every key.

import type { Attachment, AttachmentRef } from "../../server/protocol/attachments.ts";
import { MEDIA_TYPES } from "../../server/protocol/attachments.ts";
import type { Attached, Going } from "../messages.ts";
import { isAttached } from "../state/attached.ts";
import type { AppState } from "../state/model.ts";

const PREFIX = "streamkeeper.attached.";
const SHOWN: readonly string[] = [...MEDIA_TYPES.image, ...MEDIA_TYPES.file];

const blobs = new Map<string, Blob>();

interface Kept {
  hash: string;
  survives: boolean;
}

export async function keep(blob: Blob): Promise<Kept> {
  const digest = await crypto.subtle.digest("SHA-256", await blob.arrayBuffer());
  const hash = [...new Uint8Array(digest)]
    .map((byte) => byte.toString(16).padStart(2, "0"))
    .join("");
  blobs.set(hash, blob);
  try {
    sessionStorage.setItem(PREFIX + hash, `${blob.type},${await toBase64(blob)}`);
    return { hash, survives: true };
  } catch {
    return { hash, survives: false };
  }
}

export function keptBlob(hash: string): Blob | undefined {
  const here = blobs.get(hash);
  if (here) return here;
  const stored = read(hash);
  if (stored === null) return undefined;
  const comma = stored.indexOf(",");
  const blob = toBlob(stored.slice(comma + 1), stored.slice(0, comma));
  blobs.set(hash, blob);
  return blob;
}

function read(hash: string): string | null {
  try {
    return sessionStorage.getItem(PREFIX + hash);
  } catch {
    return null;
  }
}

/** What no draft has any more is forgotten. */
export function forgetUnused(state: AppState, before: AppState): void {
  const used = hashesOf(state);
  for (const hash of hashesOf(before)) {
    if (used.has(hash)) continue;
    blobs.delete(hash);
    try {
      sessionStorage.removeItem(PREFIX + hash);
    } catch {
      // Then nothing was kept.
    }
  }
}

function hashesOf({ context, outgoing, behind, drafts }: AppState): Set<string> {
  const going: Going[] = [...context, ...(outgoing?.context ?? []), ...(behind?.context ?? [])];
  for (const { context: waiting, edit } of Object.values(drafts)) {
    going.push(...waiting, ...(edit?.context ?? []));
  }
  return new Set(going.filter(isAttached).map(({ hash }) => hash));
}

/** As they are sent: what the chat has already only by its hash. */
export async function withData(attached: readonly Attached[]): Promise<Attachment[]> {
  return await Promise.all(
    attached.map(async ({ type, media_type, name, hash }) => {
      const blob = keptBlob(hash);
      if (!blob) return { type, name, hash };
      return { type, media_type, name, data: await toBase64(blob) };
    }),
  );
}

/** Of the kinds that can be attached; anything else is bytes that nobody shows. */
export function toBlob(base64: string, mediaType: string): Blob {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  return new Blob([bytes], {
    type: SHOWN.includes(mediaType) ? mediaType : "application/octet-stream",
  });
}

export type Fetch = (hash: string) => Promise<{ data: string }>;

/** Of a draft, or of the companion. */
export async function contentOf({ hash, media_type }: AttachmentRef, fetch: Fetch): Promise<Blob> {
  return keptBlob(hash) ?? toBlob((await fetch(hash)).data, media_type);
}

async function toBase64(blob: Blob): Promise<string> {
  const url = await new Promise<string>((resolve, reject) => {
    const reader = new FileReader();
    reader.addEventListener("load", () => resolve(String(reader.result)));
    reader.addEventListener("error", () => reject(reader.error ?? new Error("not read")));
    reader.readAsDataURL(blob);
  });
  return url.slice(url.indexOf(",") + 1);
}
