// What a team is told to put into its files, as the tests use it: with the addresses of a run.
import { readFileSync } from "node:fs";

/** The block of docs/team.md, in that language, that has these words. */
export function documentedSettings(language: string, words: string): string {
  const text = readFileSync("docs/team.md", "utf8");
  for (const [, of, block = ""] of text.matchAll(/```(\w+)\n([\s\S]*?)```/g)) {
    if (of === language && block.includes(words)) return block;
  }
  throw new Error(`docs/team.md has no ${language} with ${words}`);
}

/** `block` with other servers in HAProxy's manner. */
export function withServers(block: string, front: number, servers: readonly string[]): string {
  const lines = block
    .replace(/bind .*/, `bind 127.0.0.1:${front}`)
    .split("\n")
    .filter((line) => !/^ +server /.test(line));
  return `${[...lines, ...servers.map((server) => `  server ${server}`)].join("\n")}\n`;
}
