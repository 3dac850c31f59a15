// W3C Trace Context (https://www.w3.org/TR/trace-context/): which request of somebody else's a log
// line, a commit or a measured time belongs to. A turn keeps the trace of the request that started
// it, after that request has ended.
import { AsyncLocalStorage } from "node:async_hooks";
import { randomBytes } from "node:crypto";

export interface Trace {
  /** 32 hex digits. */
  traceId: string;
  /** 16 hex digits: the step that this request is. */
  spanId: string;
  flags: number;
  /** Made once, for all exemplars of this trace. */
  exemplar: { trace_id: string };
}

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/s;
const NOTHING = /^0+$/;
/** `sampled` and `random-trace-id`; what is unknown is not passed on. */
const KNOWN_FLAGS = 0x03;

const current = new AsyncLocalStorage<Trace>();

/** The trace of what runs now, if it was started by a request. */
export function currentTrace(): Trace | undefined {
  return current.getStore();
}

export function withTrace<T>(trace: Trace, work: () => T): T {
  return current.run(trace, work);
}

/** For what somebody else's step has called. */
export function within<T>(trace: Trace | undefined, work: () => T): T {
  return trace ? withTrace(trace, work) : withoutTrace(work);
}

/** For what goes on for others than the request that happens to start it. */
export function withoutTrace<T>(work: () => T): T {
  return current.exit(work);
}

/**
 * Goes on with the trace of a `traceparent` header; begins one if there is none or it is not valid.
 */
export function traceOf(header: string | undefined): Trace {
  const parent = header === undefined ? undefined : parseTraceparent(header);
  const traceId = parent?.traceId ?? randomBytes(16).toString("hex");
  const spanId = randomBytes(8).toString("hex");
  return { traceId, spanId, flags: parent?.flags ?? 0x02, exemplar: { trace_id: traceId } };
}

export function toTraceparent({ traceId, spanId, flags }: Trace): string {
  return `00-${traceId}-${spanId}-${flags.toString(16).padStart(2, "0")}`;
}

/** Undefined for whatever is not valid. Of a version to come, what this one knows is read. */
export function parseTraceparent(header: string): { traceId: string; flags: number } | undefined {
  const [, version, traceId = "", parentId = "", flags = "", more] = TRACEPARENT.exec(header) ?? [];
  if (version === undefined || version === "ff") return undefined;
  if (version === "00" && more !== undefined) return undefined;
  if (NOTHING.test(traceId) || NOTHING.test(parentId)) return undefined;
  return { traceId, flags: Number.parseInt(flags, 16) & KNOWN_FLAGS };
}
