/**
 * Every code a client can meet, with the HTTP status it has outside a stream. Inside a stream the
 * code stands in `metadata.code` of an `error` or `interrupted` chunk. Each has its entry in
 * docs/troubleshooting.md.
 */
export const ERROR_STATUS = {
  // What the client sent
  invalid_request: 400,
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  method_not_allowed: 405,
  session_busy: 409,
  request_conflict: 409,
  queue_changed: 409,
  queue_full: 409,
  version_changed: 409,
  not_waiting: 409,
  call_claimed: 409,
  payload_too_large: 413,
  unsupported_media_type: 415,
  rate_limited: 429,
  // Where the answer is kept
  draining: 503,
  database_unavailable: 503,
  storage_busy: 503,
  storage_full: 507,
  storage_readonly: 503,
  storage_corrupt: 500,
  storage_gone: 503,
  commit_failed: 500,
  commit_outcome_unknown: 500,
  lease_lost: 409,
  internal: 500,
  // Who answers
  model_unknown: 400,
  key_missing: 400,
  upstream_unauthorized: 502,
  upstream_rate_limited: 429,
  upstream_rejected: 502,
  upstream_failed: 502,
  upstream_unreachable: 502,
  upstream_timeout: 504,
  upstream_cut: 502,
  upstream_malformed: 502,
  upstream_too_long: 502,
  step_limit: 502,
  // A page from the web
  page_refused: 400,
  page_failed: 502,
  // Why a turn was interrupted
  cancelled: 499,
  server_stopped: 503,
  server_restarted: 503,
} as const;

export type ErrorCode = keyof typeof ERROR_STATUS;
export const ERROR_CODES = Object.keys(ERROR_STATUS) as [ErrorCode, ...ErrorCode[]];

/** Of these, what says that nothing can be stored now, whoever tries. */
export const STORAGE_CODES = [
  "database_unavailable",
  "storage_busy",
  "storage_full",
  "storage_readonly",
  "storage_corrupt",
  "storage_gone",
  "commit_failed",
  "commit_outcome_unknown",
] as const satisfies readonly ErrorCode[];
export type StorageCode = (typeof STORAGE_CODES)[number];
