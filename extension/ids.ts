export const VIEW_ID = "streamkeeper.chat";
export const PANEL_ID = "streamkeeper.chatPanel";
export const METRICS_ID = "streamkeeper.metrics";
