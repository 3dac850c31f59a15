// Where each vendor's requests go and with which key. Keys live here, in memory, and nowhere else.
import { ChatError } from "../errors.ts";
import { hideSecrets } from "../log.ts";
import { VENDORS, type Vendor, type VendorName } from "./vendors.ts";

/** An address and the key that was given for it. */
export interface Access {
  vendor: Vendor;
  baseUrl: string;
  /** What the address had after a question mark; goes with every request. */
  query: string;
  key: string | undefined;
  /**
   * Somebody said so, by a variable, a setting or a key; else it is only where
   * such a server usually is.
   */
  configured: boolean;
}

export interface VendorSettings {
  key?: string | undefined;
  baseUrl?: string | undefined;
}

/**
 * As the configuration has it. `openai` also serves `openai-compatible`:
 * they share their variables.
 */
export interface ProviderSettings {
  openai: VendorSettings;
  anthropic: VendorSettings;
  google: VendorSettings;
  ollama: { host?: string | undefined; key?: string | undefined };
}

/** Where a server of this kind may be on this machine, if nothing else is said. */
export interface LocalUrls {
  ollama: string;
  /** Speaks OpenAI's API, like many others. */
  lmStudio: string;
}

export const LOCAL_URLS: LocalUrls = {
  ollama: VENDORS.ollama.baseUrl,
  lmStudio: "http://127.0.0.1:1234/v1",
};

export interface AccessBook {
  /** Throws `key_missing` if this vendor does not answer without a key. */
  use(name: VendorName): Access;
  look(name: VendorName): Access;
  /**
   * Replaces what the companion was started with. A key without a base URL is for the vendor's own
   * servers. A base URL without a key keeps the key only if it stays on the same origin.
   */
  set(name: VendorName, settings: VendorSettings): void;
  /** Back to what the companion was started with. */
  reset(name: VendorName): void;
}

export function createAccessBook(
  settings: ProviderSettings,
  local: LocalUrls = LOCAL_URLS,
): AccessBook {
  const { openai, anthropic, google, ollama } = settings;
  const start = (name: VendorName, started: VendorSettings): Access =>
    toAccess(name, started, local);
  const initial: Record<VendorName, Access> = {
    "openai-compatible": start("openai-compatible", openai),
    openai: start("openai", openai),
    anthropic: start("anthropic", anthropic),
    google: start("google", google),
    ollama: start("ollama", { key: ollama.key, baseUrl: ollama.host }),
  };
  const given = new Map<VendorName, Access>();
  const look = (name: VendorName): Access => given.get(name) ?? initial[name];
  return {
    look,
    use(name) {
      const access = look(name);
      if (access.key !== undefined || !access.vendor.needsKey) return access;
      throw new ChatError("key_missing", `${access.vendor.label} needs an API key.`, {
        hint: keyHint(access.vendor),
      });
    },
    set(name, settings) {
      const next = toAccess(name, settings, local);
      const before = look(name);
      const sameServer = URL.parse(before.baseUrl)?.origin === URL.parse(next.baseUrl)?.origin;
      given.set(name, { ...next, key: next.key ?? (sameServer ? before.key : undefined) });
    },
    reset(name) {
      given.delete(name);
    },
  };
}

export function keyHint(vendor: Vendor): string {
  const inCode = 'In VS Code run "Streamkeeper: Set API key"';
  return vendor.keyVariable === undefined
    ? `${inCode}.`
    : `${inCode}; in a terminal set ${vendor.keyVariable} and start the companion again.`;
}

export function addressHint({ vendor, baseUrl }: Access): string {
  const variable = vendor.addressVariable ? `, or ${vendor.addressVariable} in a terminal` : "";
  return `Look at the base URL, ${hideSecrets(baseUrl)} (VS Code's settings${variable}).`;
}

/** Where a request goes: `path` may have a query of its own. */
export function urlAt({ baseUrl, query }: Access, path: string): URL {
  const url = new URL(baseUrl + path);
  for (const [name, value] of new URLSearchParams(query)) {
    if (!url.searchParams.has(name)) url.searchParams.append(name, value);
  }
  return url;
}

/** The key, and who asks, as each vendor wants to hear it. */
export function vendorHeaders(access: Access): Record<string, string> {
  const { vendor, key, baseUrl, query } = access;
  const { hostname, pathname } = new URL(baseUrl);
  if (key === undefined) return {};
  if (vendor.name === "anthropic") return { "x-api-key": key };
  if (vendor.name === "google") return { "x-goog-api-key": key };
  if (isAzure(hostname, pathname, query)) return { "api-key": key };
  const bearer = { authorization: `Bearer ${key}` };
  const isRouter = ROUTER.test(hostname) || pathname.endsWith("/api/v1");
  return isRouter ? { ...bearer, ...APP } : bearer;
}

const ROUTER = /(?:^|\.)openrouter\.ai$/;
const AZURE = /\.(?:openai|services\.ai|cognitiveservices)\.azure\.(?:com|us|cn)$/;

/** OpenRouter lists the programs that use it. */
const APP = {
  "http-referer": "https://marketplace.visualstudio.com/items?itemName=streamkeeper.streamkeeper",
  "x-title": "Streamkeeper",
};

/** Azure wants its key in a header of its own, and each deployment has an address. */
function isAzure(hostname: string, pathname: string, query: string): boolean {
  return (
    AZURE.test(hostname) ||
    pathname.includes("/openai/deployments/") ||
    new URLSearchParams(query).has("api-version")
  );
}

function toAccess(name: VendorName, { key, baseUrl }: VendorSettings, local: LocalUrls): Access {
  const vendor = VENDORS[name];
  const given = baseUrl ? toBaseUrl(vendor, baseUrl) : undefined;
  return {
    vendor,
    baseUrl: given?.baseUrl ?? usualUrl(vendor, key, local),
    query: given?.query ?? "",
    key: key || undefined,
    configured: Boolean(key || baseUrl),
  };
}

function usualUrl(vendor: Vendor, key: string | undefined, local: LocalUrls): string {
  if (vendor.name === "ollama") return local.ollama;
  // OpenAI's API is spoken by many: with nothing said, the server that may be
  // on this machine is meant.
  return vendor.name === "openai-compatible" && !key ? local.lmStudio : vendor.baseUrl;
}

/** What people copy with the address from a vendor's pages. */
const ENDPOINT =
  /\/(?:chat\/completions|completions|responses|messages|models(?:\/[^/]+:\w+)?)\/*$/;

function usualPath(vendor: Vendor, hostname: string): string {
  if (vendor.name === "anthropic" || vendor.name === "google") return vendor.path;
  if (AZURE.test(hostname)) return "/openai/v1";
  return ROUTER.test(hostname) ? "/api/v1" : vendor.path;
}

/** What a vendor's pages or its own clients give without the version behind it. */
function withVersion(vendor: Vendor, { hostname, pathname, search }: URL): string {
  const path = pathname.replace(/\/+$/, "");
  const isAlone =
    (vendor.name === "anthropic" && path.endsWith("/anthropic")) ||
    (AZURE.test(hostname) && path === "/openai" && search === "") ||
    (ROUTER.test(hostname) && path === "/api");
  if (isAlone) return `${path}/v1`;
  if (vendor.name !== "ollama" || /\/v\d+$/.test(path)) return pathname;
  // Its own API is beside the one that is spoken here.
  return `${path.replace(/\/api(?:\/\w+)?$/, "")}/v1`;
}

/**
 * Accepts what people write: with or without a scheme, a port (OLLAMA_HOST), a path, a
 * query, a slash at the end.
 */
function toBaseUrl(vendor: Vendor, given: string): { baseUrl: string; query: string } {
  const trimmed = given.trim();
  const withScheme = /^https?:\/\//i.test(trimmed) ? trimmed : `http://${trimmed}`;
  const url = URL.parse(withScheme);
  if (!url) {
    throw new ChatError("invalid_request", `${vendor.label}: the base URL is not a URL.`, {
      hint: `For example ${vendor.baseUrl}`,
    });
  }
  if (vendor.name === "ollama") {
    // What a server binds to is not always where a client can reach it.
    if (url.hostname === "0.0.0.0") url.hostname = "127.0.0.1";
    const hasPort = /:\d+(?:\/|$)/.test(withScheme.replace(/^https?:\/\//i, ""));
    if (!hasPort && url.protocol === "http:") url.port = "11434";
  }
  const path = url.pathname.replace(ENDPOINT, "") || "/";
  // There `/models` is a part of the address.
  const isFoundry = path === "/" && AZURE.test(url.hostname) && /^\/models\b/.test(url.pathname);
  url.pathname = isFoundry ? "/models" : path;
  if (url.pathname === "/") url.pathname = usualPath(vendor, url.hostname);
  url.pathname = withVersion(vendor, url);
  const query = url.search.slice(1);
  url.hash = "";
  url.search = "";
  return { baseUrl: url.href.replace(/\/+$/, ""), query };
}
