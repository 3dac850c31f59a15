// What the extension needs once somebody uses it: a bundle of its own, so that starting
// VS Code does not read it.
export { createApp } from "./app.ts";
export { runCommand } from "./commands/commands.ts";
