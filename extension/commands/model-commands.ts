import * as vscode from "vscode";
import { ModelId } from "../../server/protocol/fields.ts";
import { KeyRequest } from "../../server/protocol/requests.ts";
import type { Model } from "../../server/protocol/responses.ts";
import type { App } from "../app.ts";
import { type KeyedProvider, PROVIDERS, providerOf } from "../providers.ts";
import { saveModel } from "../settings.ts";
import { handOverKey } from "./keys.ts";

interface ModelItem extends vscode.QuickPickItem {
  model?: string;
  needsKey?: boolean;
  other?: boolean;
}

/** Asks for the model of the chat that is open and of new chats. */
export async function chooseModel(app: App): Promise<void> {
  const running = app.chats.active();
  const models = await app.client.call("list_models", {});
  const current = app.settings.model() ?? models.default;
  const items: ModelItem[] = models.data
    .toSorted((a, b) => Number(b.available) - Number(a.available))
    .map((model) => toItem(model, current));
  items.push(
    ...models.offers.map(({ model, label }) => ({
      label: model,
      description: label,
      iconPath: new vscode.ThemeIcon("device-desktop"),
      model,
    })),
    { label: "", kind: vscode.QuickPickItemKind.Separator },
    { label: vscode.l10n.t("Another model…"), iconPath: new vscode.ThemeIcon("edit"), other: true },
  );
  const chosen = await vscode.window.showQuickPick(items, {
    title: vscode.l10n.t("Choose the model for this chat and for new ones"),
    matchOnDescription: true,
  });
  if (!chosen) return;
  const model = chosen.other ? await askForModel() : chosen.model;
  if (model === undefined) return;
  if (chosen.needsKey) {
    const provider = providerOf(model);
    if (!provider || !(await askForKey(app, provider))) return;
  }
  await saveModel(model);
  const session_id = running?.state.session_id;
  if (session_id) await app.client.call("update_session", { session_id, changes: { model } });
  app.chats.notify({ type: "do", action: "reload_models" });
}

function toItem(model: Model, current: string): ModelItem {
  const notes = [
    model.demo && vscode.l10n.t("demo: answers from a script, offline"),
    !model.available && vscode.l10n.t("needs an API key"),
    model.id === current && vscode.l10n.t("current"),
  ].filter(Boolean);
  return {
    label: model.name,
    description: [model.id, ...notes].join(" · "),
    iconPath: new vscode.ThemeIcon(model.available ? "sparkle" : "key"),
    model: model.id,
    needsKey: !model.available,
  };
}

async function askForModel(): Promise<string | undefined> {
  return vscode.window.showInputBox({
    title: vscode.l10n.t("Model"),
    prompt: vscode.l10n.t("provider/model, for example ollama/qwen3"),
    validateInput: (text) =>
      ModelId.safeParse(text).success ? undefined : vscode.l10n.t("This is not provider/model."),
  });
}

/** Asks for a key, stores it in VS Code's secret storage, and gives it to the companion. */
export async function setApiKey(app: App, argument: unknown): Promise<void> {
  const known = PROVIDERS.find(({ id }) => id === argument);
  const provider = known ?? (await pickProvider(PROVIDERS, vscode.l10n.t("Set API key")));
  if (provider) await askForKey(app, provider);
}

export async function removeApiKey(app: App): Promise<void> {
  const stored = await app.secrets.providersWithKey();
  if (stored.length === 0) {
    void vscode.window.showInformationMessage(vscode.l10n.t("No API key is stored."));
    return;
  }
  const provider = await pickProvider(stored, vscode.l10n.t("Remove API key"));
  if (!provider) return;
  await app.secrets.removeKey(provider);
  await tellCompanion(app, provider);
}

async function pickProvider(
  providers: readonly KeyedProvider[],
  title: string,
): Promise<KeyedProvider | undefined> {
  const items = providers.map((provider) => ({ label: provider.label, provider }));
  return (await vscode.window.showQuickPick(items, { title }))?.provider;
}

async function askForKey(app: App, provider: KeyedProvider): Promise<boolean> {
  const baseUrl = app.settings.baseUrl(provider);
  const key = await vscode.window.showInputBox({
    title: vscode.l10n.t("API key for {0}", provider.label),
    prompt: vscode.l10n.t(
      "Kept in VS Code's secret storage; sent only to {0}.",
      baseUrl === undefined ? provider.label : new URL(baseUrl).host,
    ),
    password: true,
    ignoreFocusOut: true,
    validateInput: (text) =>
      KeyRequest.safeParse({ key: text.trim() }).success
        ? undefined
        : vscode.l10n.t("A key has no spaces and no letters outside ASCII."),
  });
  if (key === undefined) return false;
  await app.secrets.setKey(provider, baseUrl, key.trim());
  await tellCompanion(app, provider);
  return true;
}

async function tellCompanion(app: App, provider: KeyedProvider): Promise<void> {
  await handOverKey(app, await app.companion.ensure(), provider);
  app.chats.notify({ type: "do", action: "reload_models" });
}

/** Asks for the URL of the Postgres database, which may hold a password and so is a secret. */
export async function setDatabaseUrl(app: App): Promise<void> {
  const url = await vscode.window.showInputBox({
    title: vscode.l10n.t("PostgreSQL URL"),
    prompt: vscode.l10n.t("postgres://user:password@host/database; empty removes it."),
    password: true,
    ignoreFocusOut: true,
    validateInput: (text) =>
      text === "" || /^postgres(ql)?:$/.test(URL.parse(text.trim())?.protocol ?? "")
        ? undefined
        : vscode.l10n.t("This is not a postgres:// URL."),
  });
  if (url === undefined) return;
  await app.secrets.setDatabaseUrl(url.trim() || undefined);
  if (app.settings.databaseEngine() === "postgres") await app.companion.restart();
}
