// A window in a process of its own, to be killed: sends a message, says where
// its answer is, and stays.
import { openWindow, Reading, send } from "../window.ts";

const [dataDir = "", content = ""] = process.argv.slice(2);
const window = await openWindow({ dataDir });
const { session_id } = await send(window, content);
const reading = new Reading(window, session_id);
await reading.shows((chunks) => chunks.some(({ type }) => type === "assistant_message"));
console.log(session_id);
