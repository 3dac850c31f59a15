// What tests inside the extension host share.
import assert from "node:assert/strict";
import { join } from "node:path";
import * as vscode from "vscode";
import type { App } from "../../extension/app.ts";
import type { TestHooks } from "../../extension/extension.ts";

const ID = "streamkeeper.streamkeeper";

/** Polls, because VS Code tells no one when a page or a status bar has changed. */
export async function until<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
): Promise<T> {
  const deadline = Date.now() + 45_000;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    assert.ok(Date.now() < deadline, `never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export function extension(): vscode.Extension<TestHooks> {
  const found = vscode.extensions.getExtension<TestHooks>(ID);
  assert.ok(found);
  return found;
}

/** A chat that is seen starts the next companion as soon as one has ended. */
export async function hideChats({ chats }: App): Promise<void> {
  await vscode.commands.executeCommand("workbench.action.closeAllEditors");
  await vscode.commands.executeCommand("workbench.view.explorer");
  await until("no chat is seen", () => chats.all().every(({ surface }) => !surface.isVisible()));
}

/** Sends a message through the companion and waits until its turn has ended; the whole answer. */
export async function ask(
  app: App,
  content: string,
  model = "demo/demo",
): Promise<{ session: string; text: string }> {
  const accepted = (await app.client.call("send_message", {
    model,
    message: { type: "user_message", content },
  })) as { session_id: string; after: number };
  let text = "";
  const signal = AbortSignal.timeout(45_000);
  for await (const chunks of app.client.stream(accepted.session_id, accepted.after, signal)) {
    for (const chunk of chunks) text += chunk.token ?? "";
    if (chunks.some((chunk) => chunk.is_final)) return { session: accepted.session_id, text };
  }
  throw new Error("the answer did not end");
}

/** Where VS Code keeps this extension's files, without asking the extension. */
export function globalStorage(): string {
  const root = process.env["EXTENSION_TEST_USER_DATA"];
  assert.ok(root, "EXTENSION_TEST_USER_DATA names the user data directory");
  return join(root, "User", "globalStorage", ID);
}
