// A page from the web, for a person or a model who has named its address. Whoever answers there is
// a stranger: what leads inside, is too large, too slow or no text is refused or cut.
import type { Readable } from "node:stream";
import { createBrotliDecompress, createGunzip, createInflate } from "node:zlib";
import { ChatError } from "../errors.ts";
import { type HttpResponse, send } from "../providers/http-client.ts";
import { toText } from "./charset.ts";
import {
  createPageConnections,
  isAllowedHost,
  type PageAccess,
  refusePrivateAddress,
} from "./page-connections.ts";
import { readPage } from "./read-page.ts";

const MAX_REDIRECTS = 5;
/** With all redirects, to the last byte. */
const TOTAL_MS = 20_000;
/** As it travels, and unpacked. What is longer is cut. */
const MAX_BYTES = 4_000_000;
const MAX_URL = 2_000;
/** No others are anybody's web pages: a port says which service is spoken to. */
const PORTS = new Set(["", "80", "443", "8080", "8443"]);
const HEADERS = {
  accept: "text/markdown,text/html;q=0.9,text/plain;q=0.8,application/json;q=0.7,*/*;q=0.1",
  "user-agent": "Mozilla/5.0 (compatible; Streamkeeper)",
};

export interface Page {
  /** Where it was found in the end. */
  url: string;
  title: string;
  text: string;
  /** It was longer than what is taken of a page. */
  isCut: boolean;
}

export interface FetchOptions {
  signal?: AbortSignal | undefined;
  /** A redirect to another host is told, not followed: that host has been allowed by nobody. */
  staysAtHost?: boolean;
}

/** Rejects with `page_refused`, `page_failed` or `invalid_request`. */
export async function fetchPage(
  access: PageAccess,
  address: string,
  { signal, staysAtHost = false }: FetchOptions = {},
): Promise<Page> {
  const overall = AbortSignal.timeout(TOTAL_MS);
  const stop = signal ? AbortSignal.any([signal, overall]) : overall;
  const connections = createPageConnections(access);
  try {
    return await follow(toPageUrl(address, access), { access, connections, stop, staysAtHost });
  } catch (thrown) {
    if (thrown instanceof ChatError) throw thrown;
    signal?.throwIfAborted();
    const host = URL.parse(address)?.host ?? address;
    throw overall.aborted ? tooSlow(host) : unreachable(host, thrown);
  } finally {
    for (const socket of connections.sockets) socket.destroy();
  }
}

interface Following {
  access: PageAccess;
  connections: ReturnType<typeof createPageConnections>;
  stop: AbortSignal;
  staysAtHost: boolean;
}

async function follow(first: URL, following: Following): Promise<Page> {
  const { access, connections, stop, staysAtHost } = following;
  let url = first;
  for (let redirects = 0; ; redirects += 1) {
    const request = {
      url,
      method: "GET",
      headers: HEADERS,
      headMs: TOTAL_MS,
      signal: stop,
    } as const;
    const response = await send(connections, request, () => tooSlow(url.host));
    const location = headerOf(response, "location");
    if (response.status < 300 || response.status > 399 || location === "") {
      return await take(response, url, stop);
    }
    response.destroy();
    if (redirects === MAX_REDIRECTS) {
      throw failed(url, "leads on and on: more than 5 redirects.");
    }
    const next = toPageUrl(new URL(location, url).href, access);
    if (staysAtHost && siteOf(next) !== siteOf(url)) {
      throw failed(
        url,
        `leads to another host: ${next.href}`,
        "Fetch that address, if it is meant.",
      );
    }
    url = next;
  }
}

const siteOf = ({ hostname }: URL): string => hostname.replace(/^www\./, "");

/** Of what stands there, an address that is fetched at all. */
export function toPageUrl(address: string, access: PageAccess): URL {
  const url = URL.parse(address.trim());
  const isWeb = url?.protocol === "https:" || url?.protocol === "http:";
  if (!url || !isWeb || address.length > MAX_URL) {
    throw new ChatError("page_refused", `${address.slice(0, 200)} is no address of a web page.`, {
      hint: "Only http and https are fetched.",
    });
  }
  if (url.username !== "" || url.password !== "") {
    throw new ChatError("page_refused", "An address with a password in it is not fetched.");
  }
  if (!PORTS.has(url.port) && !isAllowedHost(access.allowedHosts, url.hostname)) {
    throw new ChatError(
      "page_refused",
      `Port ${url.port} of ${url.hostname} is not one of web pages.`,
      {
        hint: "Only 80, 443, 8080 and 8443 are fetched, and any of hosts in streamkeeper.tools.privateHosts (--private-hosts).",
      },
    );
  }
  refusePrivateAddress(access, url.hostname);
  url.hash = "";
  return url;
}

async function take(response: HttpResponse, url: URL, stop: AbortSignal): Promise<Page> {
  const { status } = response;
  const type = headerOf(response, "content-type");
  const refuseBody = (error: ChatError): never => {
    response.destroy();
    throw error;
  };
  if (status !== 200 && status !== 203) refuseBody(failed(url, `answered with status ${status}.`));
  if (!isText(type)) refuseBody(notText(url, type));
  const { bytes, isCut } = await bodyOf(response, url, stop);
  if (type === "" && bytes.subarray(0, 1024).includes(0)) throw notText(url, "unknown");
  const page = await readPage(toText(bytes, type), type, url);
  return { ...page, url: url.href, isCut: isCut || page.isCut };
}

const TEXT_TYPES =
  /^(?:text\/|application\/(?:[\w.+-]*(?:json|xml|yaml|toml|javascript|ecmascript|typescript|graphql|x-sh|sql|rtf))\b)|^$/i;

function isText(type: string): boolean {
  return TEXT_TYPES.test(type.trim());
}

function notText(url: URL, type: string): ChatError {
  return new ChatError(
    "page_failed",
    `${url.host}: what stands there is no text (${type.split(";", 1)[0]}).`,
    {
      hint: "A picture or a PDF can be saved and attached to the message.",
    },
  );
}

const UNPACK: Record<string, () => NodeJS.ReadWriteStream> = {
  gzip: createGunzip,
  "x-gzip": createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
};

/** Of the body as much as is taken, unpacked: a small body can be an endless one. */
async function bodyOf(
  response: HttpResponse,
  url: URL,
  stop: AbortSignal,
): Promise<{ bytes: Buffer; isCut: boolean }> {
  const encoding = headerOf(response, "content-encoding").toLowerCase().trim();
  const unpack = UNPACK[encoding];
  if (encoding !== "" && encoding !== "identity" && !unpack) {
    response.destroy();
    throw failed(url, `sends what cannot be unpacked here (${encoding}).`);
  }
  const parts: Buffer[] = [];
  let size = 0;
  let isCut = false;
  const keep = (part: Buffer): void => {
    if (size >= MAX_BYTES) return;
    parts.push(part);
    size += part.length;
    if (size < MAX_BYTES) return;
    isCut = true;
    response.destroy();
  };
  const received = unpack ? unpackInto(unpack(), response, keep, () => isCut) : response.read(keep);
  try {
    await received;
  } catch (thrown) {
    if (!isCut) {
      stop.throwIfAborted();
      throw failed(url, "broke off before all had come.", undefined, thrown);
    }
  }
  return { bytes: Buffer.concat(parts).subarray(0, MAX_BYTES), isCut };
}

async function unpackInto(
  unpacking: NodeJS.ReadWriteStream,
  response: HttpResponse,
  keep: (part: Buffer) => void,
  isFull: () => boolean,
): Promise<void> {
  const stream = unpacking as NodeJS.ReadWriteStream & Readable;
  const done = (async () => {
    for await (const part of stream as AsyncIterable<Buffer>) {
      keep(part);
      if (isFull()) return;
    }
  })();
  done.catch(() => response.destroy());
  let travelled = 0;
  await response.read((bytes) => {
    travelled += bytes.length;
    if (isFull() || travelled > MAX_BYTES) return;
    if (stream.write(bytes)) return;
    response.pause();
    stream.once("drain", () => response.resume());
  });
  stream.end();
  await done;
}

function headerOf({ headers }: HttpResponse, name: string): string {
  const value = headers[name];
  return (Array.isArray(value) ? value[0] : value) ?? "";
}

function failed(url: URL, what: string, hint?: string, cause?: unknown): ChatError {
  return new ChatError("page_failed", `${url.host} ${what}`, { hint, cause });
}

function tooSlow(host: string): ChatError {
  return new ChatError("page_failed", `${host} took longer than 20 seconds.`, {
    hint: "Try again later.",
  });
}

function unreachable(host: string, cause: unknown): ChatError {
  const code = codeOf(cause);
  return new ChatError("page_failed", `${host} could not be reached${code && ` (${code})`}.`, {
    cause,
    hint: "Check the address and the network. A proxy is not used.",
  });
}

function codeOf(thrown: unknown): string {
  const code = thrown instanceof Error && "code" in thrown ? thrown.code : undefined;
  return typeof code === "string" ? code : "";
}
