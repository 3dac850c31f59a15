export const VIEW_ID = "streamkeeper.chat";
export const PANEL_ID = "streamkeeper.chatPanel";
export const METRICS_ID = "streamkeeper.metrics";
/**
 * In the state of the workspace: the chats of its windows that had not ended
 * when they were last seen.
 */
export const UNFINISHED = "streamkeeper.unfinished";
/** Scheme: what a file was before a turn. */
export const KEPT = "streamkeeper-before";
