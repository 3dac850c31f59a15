// What a model gets to read of the result of somebody else's tool. Knows nothing of VS Code.

import { isRecord } from "../../../server/shared/json.ts";

/** By the parts that VS Code gives for resources of MCP servers. */
const RESOURCE_LINK = "application/vnd.code.resource-link";
const TEXTUAL = /^text\/|[/+](?:x-)?(?:json|xml|yaml|javascript|typescript)\b/;

export interface UriParts {
  scheme: string;
  authority?: string;
  path?: string;
  query?: string;
}

/**
 * One part as text; what is not text is named. `read` gives the text of a resource, or undefined.
 */
export async function textOfPart(
  part: unknown,
  read: (uri: UriParts) => Promise<string | undefined>,
): Promise<string> {
  if (!isRecord(part)) return "[A part that is not text.]";
  const { value, mimeType, data } = part;
  if (typeof value === "string") return value;
  if (isRecord(value)) return promptText(value["node"]) || "[A part that is not text.]";
  if (typeof mimeType !== "string" || !(data instanceof Uint8Array)) {
    return "[A part that is not text.]";
  }
  if (mimeType === RESOURCE_LINK) return await resourceText(data, read);
  if (TEXTUAL.test(mimeType)) return new TextDecoder().decode(data);
  return leftOut(mimeType, data.length);
}

export function leftOut(type: string, bytes: number): string {
  return `[${type}, ${bytes} bytes: only text can be given to the model.]`;
}

async function resourceText(
  data: Uint8Array,
  read: (uri: UriParts) => Promise<string | undefined>,
): Promise<string> {
  const link: unknown = JSON.parse(new TextDecoder().decode(data));
  const uri = isRecord(link) ? link["uri"] : undefined;
  if (!isUri(uri)) return "[A resource that cannot be read.]";
  return (await read(uri)) ?? `[The resource ${uri.path ?? ""} cannot be read as text.]`;
}

/** Of what @vscode/prompt-tsx renders: a tree of pieces (1) with texts (2) as leaves. */
function promptText(node: unknown): string {
  if (!isRecord(node)) return "";
  if (node["type"] === 2) {
    const text = typeof node["text"] === "string" ? node["text"] : "";
    return node["lineBreakBefore"] === true ? `\n${text}` : text;
  }
  const { children } = node;
  return Array.isArray(children) ? children.map(promptText).join("") : "";
}

function isUri(value: unknown): value is UriParts {
  const isText = (part: unknown) => part === undefined || typeof part === "string";
  return (
    isRecord(value) &&
    typeof value["scheme"] === "string" &&
    isText(value["authority"]) &&
    isText(value["path"]) &&
    isText(value["query"])
  );
}
