// Prompts that are there without any file.
import type { MentionKind } from "../../webview/messages.ts";
import type { Prompt } from "./prompts.ts";

export interface BuiltIn {
  /** What goes along where a person has added nothing. */
  needs: readonly Extract<MentionKind, "selection" | "problems" | "git">[];
}

export const BUILT_IN: readonly (Omit<Prompt, "description"> & BuiltIn)[] = [
  {
    name: "explain",
    body: "Explain what the code that goes with this message does, from the outside in, and why it is done so. Name what is surprising in it, and what can go wrong. If no code goes with it, explain what the message names.",
    needs: ["selection"],
  },
  {
    name: "fix",
    body: "Find what is wrong in the code that goes with this message, and mend it: the cause, by the smallest change that does it. Say in one sentence what the cause was. If you cannot tell what is wrong, say what you would need to know.",
    needs: ["selection", "problems"],
  },
  {
    name: "tests",
    body: "Write tests for the code that goes with this message, in the way in which this project writes its tests. Cover what it promises, its limits and its errors. Run them if you can, and see at least one of them fail when the code is broken.",
    needs: ["selection"],
  },
  {
    name: "commit",
    body: "Write a commit message for the changes that go with this message: a first line of at most 72 characters that says what changes for whom, then, where it is needed, why. Follow the manner of the project's log if you know it. Answer with the message alone, in one code block, and commit nothing.",
    needs: ["git"],
  },
];
