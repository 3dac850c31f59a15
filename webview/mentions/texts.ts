import type { Mention } from "../messages.ts";

export type Kinds = Record<Mention["kind"] | "url" | "chat", string>;

/** Of the list alone, which is loaded with the first @ or /. */
export interface MentionStrings {
  title: string;
  kinds: Kinds;
  agents: string;
  noAgent: string;
  found(count: number): string;
}
