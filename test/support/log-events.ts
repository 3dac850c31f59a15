// The events of a session's stream as they are on the wire, chunks or not.
import { createParser } from "eventsource-parser";
import type { Companion } from "./companion.ts";

export interface LogEvent {
  id: string | undefined;
  event: string | undefined;
  data: Record<string, unknown>;
}

export interface LogAnswer {
  epoch: string;
  events: LogEvent[];
}

/** The stream's first `count` events, or those of 2 s. */
export async function eventsOf(
  { url, token }: Companion,
  path: string,
  count: number,
  headers: Record<string, string> = {},
): Promise<LogAnswer> {
  const leave = new AbortController();
  const timer = setTimeout(() => leave.abort(), 2_000);
  const events: LogEvent[] = [];
  let epoch = "";
  try {
    const response = await fetch(`${url}${path}`, {
      headers: { authorization: `Bearer ${token}`, ...headers },
      signal: leave.signal,
    });
    if (!response.ok || !response.body) throw new Error(`${response.status}`);
    epoch = response.headers.get("x-log-epoch") ?? "";
    const parser = createParser({
      onEvent: ({ id, event, data }) => events.push({ id, event, data: JSON.parse(data) }),
    });
    const decoder = new TextDecoder();
    for await (const part of response.body) {
      parser.feed(decoder.decode(part, { stream: true }));
      if (events.length >= count) break;
    }
  } catch (thrown) {
    if (!leave.signal.aborted) throw thrown;
  } finally {
    clearTimeout(timer);
    leave.abort();
  }
  return { epoch, events: events.slice(0, count) };
}
