export const VIEW_ID = "streamkeeper.chat";
export const PANEL_ID = "streamkeeper.chatPanel";
