// Where each vendor's requests go and with which key. Keys live here, in memory, and nowhere else.
import { ChatError } from "../errors.ts";
import { LM_STUDIO_URL, VENDOR_NAMES, VENDORS, type Vendor, type VendorName } from "./vendors.ts";

/** An address and the key that was given for it. */
export interface Access {
  vendor: Vendor;
  baseUrl: string;
  key: string | undefined;
  /** Somebody said so, by a variable, a setting or a key; else it is only where such a server usually is. */
  configured: boolean;
}

export interface VendorSettings {
  key?: string | undefined;
  baseUrl?: string | undefined;
}

/** As the configuration has it. `openai` also serves `openai-compatible`: they share their variables. */
export interface ProviderSettings {
  openai: VendorSettings;
  anthropic: VendorSettings;
  google: VendorSettings;
  ollama: { host?: string | undefined; key?: string | undefined };
}

export interface AccessBook {
  /** Throws `key_missing` if this vendor does not answer without a key. */
  use(name: VendorName): Access;
  look(name: VendorName): Access;
  /**
   * Replaces what the companion was started with. A key without a base URL is for the vendor's own servers.
   * A base URL without a key keeps the key only if it stays on the same origin.
   */
  set(name: VendorName, given: VendorSettings): void;
  /** Back to what the companion was started with. */
  reset(name: VendorName): void;
}

export function createAccessBook(settings: ProviderSettings): AccessBook {
  const { openai, anthropic, google, ollama } = settings;
  const started: Record<VendorName, VendorSettings> = {
    "openai-compatible": openai,
    openai,
    anthropic,
    google,
    ollama: { key: ollama.key, baseUrl: ollama.host },
  };
  const initial = new Map(VENDOR_NAMES.map((name) => [name, toAccess(name, started[name])]));
  const current = new Map(initial);

  const look = (name: VendorName): Access => current.get(name) ?? toAccess(name, {});
  return {
    look,
    use(name) {
      const access = look(name);
      if (access.key !== undefined || !access.vendor.needsKey) return access;
      throw new ChatError("key_missing", `${access.vendor.label} needs an API key.`, {
        hint: keyHint(access.vendor),
      });
    },
    set(name, given) {
      const next = toAccess(name, given);
      const before = look(name);
      const sameServer = URL.parse(before.baseUrl)?.origin === URL.parse(next.baseUrl)?.origin;
      current.set(name, { ...next, key: next.key ?? (sameServer ? before.key : undefined) });
    },
    reset(name) {
      current.set(name, initial.get(name) ?? toAccess(name, {}));
    },
  };
}

export function keyHint(vendor: Vendor): string {
  return (
    `In VS Code run "Streamkeeper: Set API key"; in a terminal set ${vendor.keyVariable} ` +
    "and start the companion again."
  );
}

function toAccess(name: VendorName, { key, baseUrl }: VendorSettings): Access {
  const vendor = VENDORS[name];
  // OpenAI's API is spoken by many: with nothing said, the one that may be on this machine is meant.
  const usual = name === "openai-compatible" && !key ? LM_STUDIO_URL : vendor.baseUrl;
  return {
    vendor,
    baseUrl: baseUrl ? toBaseUrl(vendor, baseUrl) : usual,
    key: key || undefined,
    configured: Boolean(key || baseUrl),
  };
}

/** Accepts what people write: with or without a scheme, a port (OLLAMA_HOST), a path, a slash at the end. */
function toBaseUrl(vendor: Vendor, given: string): string {
  const withScheme = /^https?:\/\//i.test(given) ? given : `http://${given}`;
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
  if (url.pathname === "/") url.pathname = vendor.path;
  url.hash = "";
  url.search = "";
  return url.href.replace(/\/+$/, "");
}
