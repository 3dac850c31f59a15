import { l10n } from "vscode";

export interface StorageWords {
  /** For the status bar. */
  label: string;
  /** What failed. */
  message: string;
  /** What is safe, and what to do. */
  hint: string;
}

/** Answers wait for the database, and go on when it is back. */
export function explainWait(seconds: number): StorageWords {
  const waiting = l10n.t("Waiting for the database, {0} s", seconds);
  return {
    label: waiting,
    message: waiting,
    hint: l10n.t("What you saw is saved. The answer goes on when the database is back."),
  };
}

/** The same for the machine that has to have it, too, before anything is shown. */
export function explainSecondWait(seconds: number): StorageWords {
  const waiting = l10n.t("Waiting for the second machine, {0} s", seconds);
  return {
    label: waiting,
    message: waiting,
    hint: l10n.t("What you saw is on two machines. The answer goes on when the second is back."),
  };
}

/** Why nothing can be stored, for the reader; `code` is one of the companion's. */
export function explainStorage(code: string): StorageWords {
  switch (code) {
    case "storage_full":
      return {
        label: l10n.t("Disk full"),
        message: l10n.t("The disk is full, so nothing new can be saved."),
        hint: l10n.t("What you saw is saved. Free some space; the chat goes on by itself."),
      };
    case "storage_readonly":
      return {
        label: l10n.t("Read-only"),
        message: l10n.t("The database cannot be written."),
        hint: l10n.t("What you saw is saved. Make the file and its folder writable again."),
      };
    case "storage_busy":
      return {
        label: l10n.t("Database locked"),
        message: l10n.t("Another program holds the database."),
        hint: l10n.t("What you saw is saved. The chat goes on when that program lets go of it."),
      };
    case "storage_corrupt":
      return {
        label: l10n.t("Database damaged"),
        message: l10n.t("The database file is damaged."),
        hint: l10n.t(
          "Do not delete it. Restart the server: the file is checked and set aside if it cannot be read.",
        ),
      };
    case "storage_gone":
      return {
        label: l10n.t("Database gone"),
        message: l10n.t("The database was taken away while the server runs."),
        hint: l10n.t(
          "What you saw is kept in a file beside it, where that was possible. Restart the server: it puts it back.",
        ),
      };
    case "database_unavailable":
      return {
        label: l10n.t("No database"),
        message: l10n.t("The database does not answer."),
        hint: l10n.t("What you saw is saved. The chat goes on when the database is back."),
      };
    default:
      return {
        label: l10n.t("Not saving"),
        message: l10n.t("The last step could not be saved."),
        hint: l10n.t("What you saw is saved. The log has the details."),
      };
  }
}
