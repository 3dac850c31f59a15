// What of a project goes with a message in one piece: loaded when it is first asked for.
export { findCommits, readCommit } from "./commits.ts";
export { findFolders, readFolder } from "./folder.ts";
export { gitChanges } from "./git-changes.ts";
