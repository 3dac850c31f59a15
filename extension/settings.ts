import { join } from "node:path";
import * as vscode from "vscode";
import type { KeyedProvider } from "./providers.ts";

export const SECTION = "streamkeeper";

/** Settings that reach a companion only when it starts. */
export const SERVER_SETTINGS = [
  "server.idleExitMinutes",
  "upstream.stallTimeoutSeconds",
  "upstream.resumeAnswers",
  "upstream.continueAnswers",
  "upstream.titles",
  "contextWindows",
  "database.engine",
  "database.durability",
  "database.patienceSeconds",
  "database.backups",
  "database.keepDeletedDays",
  "tools.privateHosts",
] as const;

const OF_SQLITE = ["full", "balanced"] as const;
const OF_POSTGRES = ["full", "two_machines", "replicated_storage"] as const;
export type Durability = (typeof OF_SQLITE)[number] | (typeof OF_POSTGRES)[number];

export type DatabaseEngine = "sqlite" | "postgres";

/**
 * The only reader of the configuration. Machine settings are read from the user alone,
 * whatever a workspace says.
 */
export interface Settings {
  /** As written; whether it is a model's id is for its user to check. */
  model(): string | undefined;
  baseUrl(provider: KeyedProvider): string | undefined;
  /** In tokens, by the whole id of a model, as written. */
  contextWindows(): unknown;
  autoStart(): boolean;
  idleExitSeconds(): number | "never";
  stallTimeoutSeconds(): number;
  resumeAnswers(): boolean;
  continueAnswers(): boolean;
  titles(): boolean;
  dataDirectory(): string;
  databaseEngine(): DatabaseEngine;
  /** As the engine takes it. */
  durability(): Durability;
  patienceSeconds(): number;
  backups(): "daily" | "never";
  keepDeletedDays(): number;
  toolsEnabled(): boolean;
  /** Whether those of the workspace are told. */
  instructionsEnabled(): boolean;
  /** A person's own, for all projects: a folder, a file, or the words. */
  ownInstructions(): string;
  /** A folder of them. */
  ownPrompts(): string;
  /** By the tool's name, as written. */
  toolRules(): unknown;
  /** Not yet looked at. */
  privateHosts(): unknown;
  notifications(): "waitingAndEnded" | "waiting" | "never";
  badgeEnabled(): boolean;
  statusBarEnabled(): boolean;
  slowThresholdMs(): number;
}

export function createSettings(context: vscode.ExtensionContext): Settings {
  return {
    model: () => toText(read("model")) || undefined,
    baseUrl(provider) {
      const url = toText(readMachine(provider.setting));
      return /^https?:$/.test(URL.parse(url)?.protocol ?? "") ? url : undefined;
    },
    contextWindows: () => readMachine("contextWindows"),
    autoStart: () => readMachine("server.autoStart") === true,
    idleExitSeconds() {
      const minutes = toNumber(readMachine("server.idleExitMinutes"), 10);
      return minutes <= 0 ? "never" : Math.max(1, Math.round(minutes * 60));
    },
    stallTimeoutSeconds: () => toNumber(readMachine("upstream.stallTimeoutSeconds"), 60),
    resumeAnswers: () => readMachine("upstream.resumeAnswers") === true,
    continueAnswers: () => readMachine("upstream.continueAnswers") !== false,
    titles: () => readMachine("upstream.titles") !== false,
    dataDirectory() {
      const directory = toText(readMachine("dataDirectory"));
      const home = process.env["HOME"] ?? process.env["USERPROFILE"];
      if (home && /^~(?=[/\\]|$)/.test(directory)) return join(home, directory.slice(1));
      return directory || context.globalStorageUri.fsPath;
    },
    databaseEngine: () => (readMachine("database.engine") === "postgres" ? "postgres" : "sqlite"),
    durability() {
      const isPostgres = readMachine("database.engine") === "postgres";
      const taken = isPostgres ? OF_POSTGRES : OF_SQLITE;
      return taken.find((one) => one === readMachine("database.durability")) ?? "full";
    },
    patienceSeconds: () => toNumber(readMachine("database.patienceSeconds"), 60),
    backups: () => (readMachine("database.backups") === "never" ? "never" : "daily"),
    keepDeletedDays: () => toNumber(readMachine("database.keepDeletedDays"), 30),
    toolsEnabled: () => readMachine("tools.enabled") !== false,
    instructionsEnabled: () => readMachine("instructions.enabled") !== false,
    ownInstructions: () => toText(readMachine("instructions.own")),
    ownPrompts: () => toText(readMachine("instructions.prompts")),
    toolRules: () => readMachine("tools.rules"),
    privateHosts: () => readMachine("tools.privateHosts"),
    notifications() {
      const when = read("notifications.when");
      return when === "waiting" || when === "never" ? when : "waitingAndEnded";
    },
    badgeEnabled: () => read("badge.enabled") !== false,
    statusBarEnabled: () => read("statusBar.enabled") !== false,
    slowThresholdMs: () => toNumber(read("statusBar.slowThresholdMs"), 100),
  };
}

/** Stores the model for new chats in the user's settings. */
export async function saveModel(model: string): Promise<void> {
  const target = vscode.ConfigurationTarget.Global;
  await vscode.workspace.getConfiguration(SECTION).update("model", model, target);
}

function read(name: string): unknown {
  return vscode.workspace.getConfiguration(SECTION).get(name);
}

/** A second lock behind `scope: machine`: what a workspace sets is not even looked at. */
function readMachine(name: string): unknown {
  const found = vscode.workspace.getConfiguration(SECTION).inspect(name);
  return found?.globalValue ?? found?.defaultValue;
}

function toText(value: unknown): string {
  return typeof value === "string" ? value.trim() : "";
}

function toNumber(value: unknown, fallback: number): number {
  return typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : fallback;
}
