// What a chunk holds beside its known fields, read with care.
export function textOf(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

export function numberOf(value: unknown): number | null {
  return typeof value === "number" ? value : null;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

export function toContext(raw: unknown): { type: string; label: string }[] {
  if (!Array.isArray(raw)) return [];
  return raw.filter(isRecord).map((item) => ({
    type: textOf(item["type"]) ?? "text",
    label: textOf(item["label"]) ?? "",
  }));
}
