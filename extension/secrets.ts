import type { SecretStorage } from "vscode";
import * as z from "zod/mini";
import { type KeyedProvider, PROVIDERS } from "./providers.ts";

const DATABASE_URL = "streamkeeper.databaseUrl";

/** A key is bound to the server it was given for: another base URL does not get it. */
const StoredKey = z.object({ key: z.string(), origin: z.string() });

export interface ProviderKey {
  key: string;
  /** Whether it was given for the server that the settings name now. */
  fits: boolean;
}

/** The only reader of SecretStorage. */
export interface Secrets {
  key(provider: KeyedProvider, baseUrl: string | undefined): Promise<ProviderKey | undefined>;
  setKey(provider: KeyedProvider, baseUrl: string | undefined, key: string): Promise<void>;
  removeKey(provider: KeyedProvider): Promise<void>;
  providersWithKey(): Promise<KeyedProvider[]>;
  databaseUrl(): Promise<string | undefined>;
  setDatabaseUrl(url: string | undefined): Promise<void>;
}

export function createSecrets(storage: SecretStorage): Secrets {
  return {
    async key(provider, baseUrl) {
      const stored = parse(await storage.get(nameOf(provider)));
      return stored && { key: stored.key, fits: stored.origin === originOf(baseUrl) };
    },
    async setKey(provider, baseUrl, key) {
      const value = JSON.stringify({ key, origin: originOf(baseUrl) });
      await storage.store(nameOf(provider), value);
    },
    async removeKey(provider) {
      await storage.delete(nameOf(provider));
    },
    async providersWithKey() {
      const found = await Promise.all(
        PROVIDERS.map(async (provider) => (await storage.get(nameOf(provider))) && provider),
      );
      return found.filter((provider) => typeof provider === "object");
    },
    databaseUrl: async () => storage.get(DATABASE_URL),
    async setDatabaseUrl(url) {
      if (url === undefined) await storage.delete(DATABASE_URL);
      else await storage.store(DATABASE_URL, url);
    },
  };
}

function nameOf(provider: KeyedProvider): string {
  return `streamkeeper.key.${provider.id}`;
}

/** "" stands for the provider's own servers. */
function originOf(baseUrl: string | undefined): string {
  return baseUrl === undefined ? "" : (URL.parse(baseUrl)?.origin ?? baseUrl);
}

function parse(text: string | undefined): z.infer<typeof StoredKey> | undefined {
  if (text === undefined) return undefined;
  try {
    const parsed = StoredKey.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}
