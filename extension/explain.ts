import { FileSystemError, l10n } from "vscode";
import type { Phrase } from "../server/shared/russian/phrases.ts";
import type { CallError } from "../webview/messages.ts";
import { PROBLEM_CODES, Problem, type ProblemCode } from "./problem.ts";

let russian: typeof import("./in-russian.ts") | undefined;
let starts: readonly Phrase[] = [];

/**
 * The companion speaks English; its words in the reader's language are
 * loaded where they are needed.
 */
export async function loadSaid(language: string): Promise<void> {
  if (isRussian(language)) russian = await import("./in-russian.ts");
}

/** Why it did not start, a process says as it ends: to be loaded before it is started. */
export async function loadStarts(language: string): Promise<void> {
  if (!isRussian(language)) return;
  starts = (await import("../server/shared/russian/russian-starts.ts")).STARTS_IN_RUSSIAN;
}

const isRussian = (language: string): boolean => language.toLowerCase().startsWith("ru");

/** Any failure as a sentence for the reader, in their language, with what they can do. */
export function explain(thrown: unknown): CallError {
  if (!(thrown instanceof Problem)) {
    const words = wordsOf(thrown);
    if (words !== undefined) {
      return {
        code: "internal",
        message: l10n.t("The file could not be read or written: {0}", words),
        hint: l10n.t("Nothing else was changed. Try again, or choose another place."),
      };
    }
    return {
      code: "internal",
      message: l10n.t("Something went wrong inside the extension."),
      hint: l10n.t("The log has the details."),
    };
  }
  const { code, message, hint } = thrown;
  const ours = PROBLEM_CODES.find((known) => known === code);
  if (ours)
    return { code, ...explainOurs(ours, russian?.detailInRussian(message, starts) ?? message) };
  const said = hint === undefined ? { code, message } : { code, message, hint };
  return russian?.inRussian(said) ?? said;
}

/** Of an error of the system or of VS Code's files, which say what went wrong with which. */
function wordsOf(thrown: unknown): string | undefined {
  const isSaid =
    thrown instanceof FileSystemError ||
    (thrown instanceof Error && "syscall" in thrown && "path" in thrown);
  return isSaid && thrown.message !== "" ? thrown.message : undefined;
}

function explainOurs(code: ProblemCode, detail: string): { message: string; hint: string } {
  switch (code) {
    case "companion_lost":
      return {
        message: l10n.t("The companion server does not answer."),
        hint: l10n.t("What you saw is saved. Try again, or restart the server."),
      };
    case "companion_unproven":
      return {
        message: l10n.t("Another program answers in the companion server's place."),
        hint: l10n.t("Nothing was sent to it. Restart the server."),
      };
    case "companion_malformed":
      return {
        message: l10n.t("The companion server gave an answer that is not understood: {0}", detail),
        hint: l10n.t("Restart the server, so that it has the version of this extension."),
      };
    case "companion_newer":
      return {
        message: l10n.t("The companion server has a newer version ({0}) than this window.", detail),
        hint: l10n.t("Reload the window, so that it uses the newer extension."),
      };
    case "companion_exited":
      return {
        message: l10n.t("The companion server did not start: {0}", detail),
        hint: l10n.t("The log has the details."),
      };
    case "companion_slow":
      return {
        message: l10n.t("The companion server does not get ready: {0}", detail),
        hint: l10n.t("The log has the details."),
      };
    case "companion_gave_up":
      return {
        message: l10n.t(
          "The companion server ended five times within five minutes and is not started again: {0}",
          detail,
        ),
        hint: l10n.t("What you saw is saved. Look at the log, then restart the server."),
      };
    case "data_directory_unsafe":
      return {
        message: l10n.t("The data directory is not safe to use: {0}", detail),
        hint: l10n.t("It must be yours, and nobody else may read it or write to it."),
      };
    case "doctor_failed":
      return {
        message: l10n.t("The stored chats could not be looked after: {0}", detail),
        hint: l10n.t("Try again, or run the doctor in a terminal."),
      };
    case "database_url_missing":
      return {
        message: l10n.t("The settings ask for PostgreSQL, but its URL is not known."),
        hint: l10n.t('Run "Streamkeeper: Set PostgreSQL URL", or choose SQLite in the settings.'),
      };
  }
}
