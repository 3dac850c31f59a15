import type { Chat } from "../chat/chat.ts";
import type { Log } from "../log.ts";
import type { Metrics } from "../observe/metrics.ts";

/** What the HTTP layer needs; made once, handed to every router. */
export interface HttpDeps {
  chat: Chat;
  metrics: Metrics;
  log: Log;
  token: string;
  metricsToken: string;
  bodyLimitBytes: number;
  maxReaders: number;
  version: string;
  startedAt: string;
  /** The names this server answers to besides the loopback ones. */
  host: string;
  /** Known once it listens. */
  port(): number;
  /** Told of every request: something is alive out there. */
  onActivity(): void;
  /** Somebody asked for the end: running answers get so long to finish, then the process goes. */
  onDrain(graceSeconds: number): void;
}
