// What models' servers send, taken as what it can only mean: a number may come as a string,
// and the other way round.

export type Fields = Readonly<Record<string, unknown>>;

/** Undefined for all but an object that is no list. */
export function record(value: unknown): Fields | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Fields)
    : undefined;
}

export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export function text(value: unknown): string {
  if (typeof value === "string") return value;
  return typeof value === "number" ? String(value) : "";
}

export function num(value: unknown): number | undefined {
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  return typeof number === "number" && Number.isFinite(number) ? number : undefined;
}

/** A text, or parts with a text each, as several vendors and all their imitators write it. */
export function textOf(content: unknown): string {
  if (typeof content === "string") return content;
  if (typeof content === "number") return String(content);
  if (Array.isArray(content)) return content.map(textOf).join("");
  const fields = record(content);
  return fields ? textOf(fields["text"] ?? fields["content"] ?? fields["value"] ?? "") : "";
}
