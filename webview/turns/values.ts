// What a chunk holds beside its known fields, read with care.
import { isRecord } from "../../server/shared/json.ts";

export function textOf(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

export function numberOf(value: unknown): number | null {
  return typeof value === "number" ? value : null;
}

export function toContext(raw: unknown): { type: string; label: string }[] {
  if (!Array.isArray(raw)) return [];
  return raw.filter(isRecord).map((item) => ({
    type: textOf(item["type"]) ?? "text",
    label: textOf(item["label"]) ?? "",
  }));
}
