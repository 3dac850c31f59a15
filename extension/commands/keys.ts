import * as vscode from "vscode";
import type { Companion } from "../companion/companion.ts";
import { isProblem } from "../problem.ts";
import { type KeyedProvider, PROVIDERS } from "../providers.ts";
import type { Secrets } from "../secrets.ts";
import type { Settings } from "../settings.ts";

export interface KeysDeps {
  settings: Settings;
  secrets: Secrets;
  log: { info(message: string): void; warn(message: string): void };
}

/** Gives a companion the keys and addresses that its memory has not yet, or has no longer. */
export async function handOverKeys(deps: KeysDeps, companion: Companion): Promise<void> {
  for (const provider of PROVIDERS) {
    try {
      await handOverKey(deps, companion, provider);
    } catch (thrown) {
      if (isProblem(thrown, "companion_lost", "companion_unproven")) throw thrown;
      // One bad address must not keep the others and the demo from answering.
      deps.log.warn(`${provider.id} cannot be used: ${String(thrown)}`);
    }
  }
}

/** The key goes only to the server it was given for: a changed base URL asks for it again. */
export async function handOverKey(
  deps: KeysDeps,
  companion: Companion,
  provider: KeyedProvider,
): Promise<void> {
  const baseUrl = deps.settings.baseUrl(provider);
  const stored = await deps.secrets.key(provider, baseUrl);
  if (stored && !stored.fits) {
    deps.log.warn(`The key of ${provider.id} was given for another server and is not used`);
    void offerNewKey(provider);
  }
  const key = stored?.fits ? stored.key : undefined;
  const path = `/v1/keys/${provider.id}`;
  if (key === undefined && baseUrl === undefined) {
    await companion.text({ method: "DELETE", path });
    return;
  }
  await companion.text({ method: "PUT", path, body: { key, base_url: baseUrl } });
  deps.log.info(`Handed over ${key === undefined ? "the address" : "the key"} of ${provider.id}`);
}

async function offerNewKey(provider: KeyedProvider): Promise<void> {
  const again = vscode.l10n.t("Set API key");
  const chosen = await vscode.window.showWarningMessage(
    vscode.l10n.t(
      "The base URL of {0} has changed. Its key was given for another server and is not sent to the new one.",
      provider.label,
    ),
    again,
  );
  if (chosen === again) {
    await vscode.commands.executeCommand("streamkeeper.setApiKey", provider.id);
  }
}
