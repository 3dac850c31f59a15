/**
 * The names of our metrics, for the code that counts, the dashboard and the alerts.
 * Explained in docs/metrics.md.
 */
export const METRIC_NAMES = {
  transactionDuration: "sse_transaction_duration_seconds",
  transactionPhase: "sse_transaction_phase_seconds",
  transactionCommits: "sse_transaction_commits_total",
  transactionSlow: "sse_transaction_slow_total",
  transactionRetries: "sse_transaction_retries_total",
  streamsActive: "sse_streams_active",
  turnsRunning: "sse_turns_running",
  chunksPublished: "sse_chunks_published_total",
  publishDelay: "sse_publish_delay_seconds",
  streamResumes: "sse_stream_resumes_total",
  turns: "sse_turns_total",
  timeToFirstChunk: "chat_time_to_first_chunk_seconds",
  tokens: "chat_tokens_total",
  upstreamErrors: "chat_upstream_errors_total",
  upstreamSkipped: "sse_upstream_events_skipped_total",
  upstreamResumes: "sse_upstream_resumes_total",
  sessionLockWait: "session_lock_wait_seconds",
  databaseUp: "database_up",
  databaseWaiting: "database_waiting_seconds",
  secondMachineWaiting: "database_second_machine_waiting_seconds",
  storageMachines: "storage_machines",
  storageFailing: "storage_failing",
  storageFree: "storage_free_bytes",
  buildInfo: "streamkeeper_build_info",
} as const;
