// A call of somebody else's tool. In a bundle of its own, loaded with the first of them.
import * as vscode from "vscode";
import { cut } from "../bounds.ts";
import { textOfPart, type UriParts } from "./foreign-parts.ts";

/** Of MCP servers, which VS Code asks for the content. */
const RESOURCE_SCHEME = "mcp-resource";
const MAX_RESOURCE_BYTES = 1_000_000;

export async function invoke(
  name: string,
  input: Record<string, unknown>,
  signal: AbortSignal,
): Promise<string> {
  signal.throwIfAborted();
  const source = new vscode.CancellationTokenSource();
  const stopped = Promise.withResolvers<never>();
  const stop = (): void => {
    source.cancel();
    stopped.reject(new Error("The call was stopped."));
  };
  signal.addEventListener("abort", stop);
  try {
    // VS Code does not come back from a question of its own before it is answered; the
    // chat must not wait for that.
    return await Promise.race([textOf(name, input, source.token), stopped.promise]);
  } catch (thrown) {
    if (!isCancelled(thrown)) throw thrown;
    throw new Error(
      `${name} did not run to its end: the user said no to VS Code's question, or the tool gave up.`,
      { cause: thrown },
    );
  } finally {
    signal.removeEventListener("abort", stop);
    source.dispose();
  }
}

async function textOf(
  name: string,
  input: Record<string, unknown>,
  token: vscode.CancellationToken,
): Promise<string> {
  const options = { input, toolInvocationToken: undefined };
  const { content } = await vscode.lm.invokeTool(name, options, token);
  const texts = await Promise.all(content.map((part) => textOfPart(part, readResource)));
  return cut(texts.join("\n") || "[The tool gave no text.]");
}

/**
 * Only what an MCP server itself holds: a link to anything else is a link, not leave to read it.
 */
async function readResource({
  scheme,
  authority = "",
  path = "",
  query = "",
}: UriParts): Promise<string | undefined> {
  if (scheme !== RESOURCE_SCHEME) return undefined;
  try {
    const uri = vscode.Uri.from({ scheme, authority, path, query });
    const bytes = await vscode.workspace.fs.readFile(uri);
    if (bytes.length > MAX_RESOURCE_BYTES) return undefined;
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** As it comes from the window: no instance of any class of ours. */
function isCancelled(thrown: unknown): boolean {
  return thrown instanceof Error && thrown.name === "Canceled";
}
