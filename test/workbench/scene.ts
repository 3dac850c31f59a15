// A workbench whose chat talks to a scripted model: it asks for the calls that
// were planned for a question.
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Test } from "mocha";
import type { Locator, Page } from "playwright-core";
import { type PlannedCall, playsCalls } from "../support/upstream/openai-scripts.ts";
import {
  FAKE_MODEL,
  type Script,
  startUpstream,
  type Upstream,
} from "../support/upstream/start-upstream.ts";
import { runCommand } from "../support/vscode-host.ts";
import {
  type ChatPage,
  openChatView,
  startWorkbench,
  type Workbench,
  type WorkbenchOptions,
} from "./workbench.ts";

export interface Scene {
  upstream: Upstream;
  workbench: Workbench;
  page: Page;
  chat: ChatPage;
  ask(question: string, ...calls: PlannedCall[]): Promise<void>;
  /** Of the workspace. */
  file(name: string): string;
  button(name: string, on?: ChatPage): Locator;
  newChat(): Promise<void>;
  /** Where it is left to be looked at, if the test has failed. */
  pictureOf(test: Test | undefined): Promise<void>;
  close(): Promise<void>;
}

export const call = (name: string, args: Record<string, unknown> = {}): PlannedCall => ({
  name,
  arguments: args,
});

/** `model` may answer in a way of its own; it is given the one that does what was planned. */
export async function startScene(
  options: WorkbenchOptions = {},
  model: (plays: Script) => Script = (plays) => plays,
): Promise<Scene> {
  const planned = new Map<string, PlannedCall[]>();
  const upstream = await startUpstream(
    model(playsCalls((question) => planned.get(question) ?? [])),
  );
  const workbench = await startWorkbench({
    ...options,
    settings: {
      "streamkeeper.providers.openaiCompatible.baseUrl": upstream.url,
      "streamkeeper.model": `openai-compatible/${FAKE_MODEL}`,
      // The last request is the question's.
      "streamkeeper.upstream.titles": false,
      ...options.settings,
    },
  });
  const close = async () => {
    await workbench.close();
    await upstream.close();
  };
  const { page, chat, isEmpty } = await openFirst(workbench).catch(async (thrown: unknown) => {
    await close();
    throw thrown;
  });
  return {
    upstream,
    workbench,
    page,
    chat,
    close,
    async ask(question, ...calls) {
      // What chooses an agent is not told to the model.
      planned.set(question.replace(/^\/\w+ /, ""), calls);
      await chat.send(question);
    },
    file: (name) => join(workbench.folder, name),
    button: (name, on = chat) => on.frame.getByRole("button", { name, exact: true }),
    async newChat() {
      await runCommand(page, "Streamkeeper: New chat");
      await isEmpty();
    },
    async pictureOf(test) {
      if (test?.state !== "failed") return;
      const name = `streamkeeper-${test.fullTitle().replaceAll(/\W+/g, "-").slice(0, 80)}.png`;
      const path = join(process.env["KEEP"] ?? tmpdir(), name);
      await page.screenshot({ path });
      console.log(`      the window as it was: ${path}`);
    },
  };
}

async function openFirst(workbench: Workbench) {
  const page = await workbench.openWindow();
  const chat = await openChatView(page);
  const isEmpty = () => chat.frame.locator(".prompt").first().waitFor();
  await isEmpty();
  return { page, chat, isEmpty };
}
