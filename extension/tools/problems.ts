import * as vscode from "vscode";
import * as z from "zod/mini";
import { cut } from "./bounds.ts";
import { parseArguments } from "./files/files.ts";
import { resolveNamed } from "./files/named-paths.ts";
import { isInside, nameOf, type WorkspaceRoots } from "./paths.ts";

const ProblemArguments = z.object({ path: z.optional(z.string()) });
const SEVERITIES = ["error", "warning", "information", "hint"] as const;

/** What the editor underlines, of one file or of all, errors first. */
export async function getProblems(roots: WorkspaceRoots, args: unknown): Promise<string> {
  const { path } = parseArguments(ProblemArguments, args);
  const { folders } = roots;
  const only = path === undefined ? undefined : await resolveNamed(roots, path);
  const rows = vscode.languages
    .getDiagnostics()
    .filter(([{ scheme, fsPath }]) =>
      only === undefined
        ? scheme === "file" && folders.some((folder) => isInside(folder.path, fsPath))
        : fsPath === only,
    )
    .flatMap(([uri, diagnostics]) => diagnostics.map((diagnostic) => ({ uri, diagnostic })))
    .toSorted((a, b) => a.diagnostic.severity - b.diagnostic.severity)
    .map(({ uri, diagnostic: { range, severity, message, source } }) => {
      const name = nameOf(folders, uri.fsPath);
      const from = source === undefined ? "" : ` (${source})`;
      return `${name}:${range.start.line + 1}: ${SEVERITIES[severity]}: ${message}${from}`;
    });
  return rows.length === 0 ? "[The editor shows no problems.]" : cut(rows.join("\n"));
}
