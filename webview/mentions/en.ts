import type { MentionStrings } from "./texts.ts";

export const EN: MentionStrings = {
  title: "Add to the message",
  kinds: {
    file: "a file of the workspace",
    folder: "a folder of it, with its files",
    selection: "what is selected in the editor",
    problems: "what the editor underlines",
    terminal: "what stands in the terminal",
    git: "changes since the last commit",
    commit: "a commit, by hash, branch or words",
    symbol: "a function, class or other name",
    prompt: "a prompt",
    url: "a page of the web",
    chat: "a past chat",
  },
  agents: "Agents and prompts",
  noAgent: "There is nothing of this name; it is sent as text.",
  found: (count) => (count === 0 ? "Nothing found." : `${count} to choose from.`),
};
