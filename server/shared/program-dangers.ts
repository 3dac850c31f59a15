// Which programs, with which words, do what a person should know of.
import type { ShellWord } from "./shell-words.ts";

export const DANGER_KINDS = [
  // Files are gone afterwards.
  "deletes",
  // It runs text that nobody has seen: from the network, a pipe, another command.
  "runs_unseen",
  // With the rights of the administrator.
  "as_root",
  // Overwrites what others have, or may have, of a repository.
  "rewrites_history",
  // Work that was not committed is gone.
  "discards_work",
  "outside",
  "permissions",
  // The machine, its services, its disks, processes of others.
  "system",
  // Takes something to another machine, or to the public.
  "sends",
  "secret",
  // What it runs cannot be known before it does.
  "unclear",
] as const;
export type DangerKind = (typeof DANGER_KINDS)[number];

export interface CommandScope {
  /** It has gone to another folder, so what is relative is so to that. */
  isAway: boolean;
  /** Names of files that an earlier part has fetched. */
  fetched: Set<string>;
}

export type Say = (kind: DangerKind, what?: string) => void;

export const FETCHERS = new Set([
  "curl",
  "wget",
  "fetch",
  "iwr",
  "irm",
  "invoke-webrequest",
  "invoke-restmethod",
  "aria2c",
]);

export const flagged = (args: readonly ShellWord[], pattern: RegExp): boolean =>
  args.some(({ text }) => pattern.test(text));

const DELETERS = /^(?:rm|unlink|shred|wipe|srm|trash|del|erase|rd|rmdir|ri|remove-item|truncate)$/;
/** Their words name files that they write. */
const WRITERS =
  /^(?:rm|mv|cp|tee|ln|touch|mkdir|rmdir|install|rsync|unlink|shred|truncate|chmod|chown|chgrp|dd|unzip|sed|remove-item|move-item|copy-item|set-content|out-file|new-item)$/;
const SYSTEM =
  /^(?:shutdown|reboot|halt|poweroff|mkfs(?:\..*)?|fdisk|parted|wipefs|diskutil|format|format-volume|mount|umount|iptables|nft|ufw|killall|pkill|taskkill|crontab|launchctl|reg|sysctl|modprobe|insmod|useradd|userdel|usermod|passwd|visudo|stop-process|stop-computer|restart-computer|set-executionpolicy)$/;
const PUBLISHERS: Readonly<Record<string, RegExp>> = {
  npm: /^(?:publish|unpublish|deprecate)$/,
  yarn: /^publish$/,
  pnpm: /^publish$/,
  bun: /^publish$/,
  cargo: /^(?:publish|yank)$/,
  gem: /^(?:push|yank)$/,
  twine: /^upload$/,
  docker: /^push$/,
  podman: /^push$/,
  helm: /^push$/,
};
const DESTROYERS: Readonly<Record<string, RegExp>> = {
  docker: /^(?:prune|rm|rmi|down)$/,
  podman: /^(?:prune|rm|rmi)$/,
  kubectl: /^(?:delete|drain)$/,
  terraform: /^(?:destroy|apply)$/,
  tofu: /^(?:destroy|apply)$/,
  helm: /^(?:uninstall|delete)$/,
  aws: /^(?:rm|rb|delete-.*|terminate-.*)$/,
  gcloud: /^delete$/,
  az: /^delete$/,
  heroku: /^(?:destroy|apps:destroy)$/,
};

export function judgeProgram(
  name: string,
  args: readonly ShellWord[],
  scope: CommandScope,
  say: Say,
): void {
  const [verb = ""] = args.map(({ text }) => text).filter((text) => !text.startsWith("-"));
  if (DELETERS.test(name)) say("deletes");
  if (name === "git") judgeGit(args, say);
  if (name === "gh" && /^(?:repo|release|secret)$/.test(verb)) say("sends");
  if (PUBLISHERS[name]?.test(verb)) say("sends");
  const destroys = DESTROYERS[name];
  if (destroys && args.some(({ text }) => destroys.test(text))) say("deletes");
  if (SYSTEM.test(name)) say("system");
  if (/^(?:systemctl|service)$/.test(name) && !/^(?:status|is-active|list-units|show)$/.test(verb))
    say("system");
  if (name === "kill" && flagged(args, /^-1$/) && args.length > 1) say("system");
  if (name === "dd" && flagged(args, /^of=/))
    say(flagged(args, /^of=\/dev\//) ? "system" : "deletes");
  if (/^(?:chmod|chown|chgrp|icacls|setfacl|takeown)$/.test(name)) {
    if (
      flagged(
        args,
        /^(?:-[a-z]*r[a-z]*|--recursive|\/[tr]|0?[0-7]?777|a\+.*w.*|o\+.*w.*|[ug+]*\+s|[2467][0-7]{3})$/i,
      )
    )
      say("permissions");
  }
  if (
    FETCHERS.has(name) &&
    flagged(
      args,
      /^(?:-d|--data.*|-F|--form.*|-T|--upload-file|--post-(?:data|file).*|-X|--request|-body|-infile)/i,
    )
  )
    say("sends");
  if (/^(?:scp|sftp|nc|ncat|netcat|telnet|ftp|rclone)$/.test(name)) say("sends");
  if (name === "rsync" && flagged(args, /^[\w.@-]+:/)) say("sends");
  if (name === "ssh") say("unclear");
  if (
    /^(?:psql|mysql|sqlite3|mongosh?|redis-cli)$/.test(name) &&
    flagged(args, /\b(?:drop|delete|truncate|flushall|flushdb)\b/i)
  )
    say("deletes");
  if (name === "sed" && !flagged(args, /^-[a-z]*i|^--in-place/i)) return;
  if (!WRITERS.test(name)) return;
  for (const word of args) {
    const text = word.text.replace(/^(?:of|--[\w-]+)=/, "");
    if (
      text.startsWith("-") ||
      (name === "sed" && word === args.find((one) => !one.text.startsWith("-")))
    )
      continue;
    if (isOutside({ ...word, text }, scope)) say("outside");
  }
}

function judgeGit(args: readonly ShellWord[], say: Say): void {
  // `-C dir`, `-c name=value` stand before the verb.
  const at = args.findIndex(
    ({ text }, index) => !text.startsWith("-") && !/^-[cC]$/.test(args[index - 1]?.text ?? ""),
  );
  const verb = args[at]?.text;
  const rest = args.slice(at + 1);
  const has = (pattern: RegExp): boolean => flagged(rest, pattern);
  switch (verb) {
    case "push":
      if (has(/^(?:-[a-z]*f[a-z]*|--force.*|--mirror|--delete|-d|--prune|\+.+|:.+)$/))
        say("rewrites_history");
      else say("sends");
      break;
    case "filter-branch":
    case "filter-repo":
      say("rewrites_history");
      break;
    case "reflog":
      if (has(/^(?:expire|delete)$/)) say("discards_work");
      break;
    case "reset":
      if (has(/^--(?:hard|merge|keep)$/)) say("discards_work");
      break;
    case "checkout":
      if (has(/^(?:-f|--force|--|\.)$/)) say("discards_work");
      break;
    case "switch":
      if (has(/^(?:-f|--force|--discard-changes|-C)$/)) say("discards_work");
      break;
    case "restore":
      if (!has(/^(?:--staged|-S)$/) || has(/^(?:--worktree|-W)$/)) say("discards_work");
      break;
    case "clean":
      if (!has(/^(?:-[a-z]*n[a-z]*|--dry-run)$/)) say("deletes");
      break;
    case "stash":
      if (has(/^(?:drop|clear)$/)) say("discards_work");
      break;
    case "branch":
    case "tag":
      if (has(/^(?:-D|-d|--delete)$/)) say("discards_work");
      break;
    case "rm":
      say("deletes");
      break;
    case "worktree":
      if (has(/^remove$/)) say("deletes");
      break;
    default:
  }
}

const HARMLESS =
  /^(?:\/dev\/(?:null|stdout|stderr|stdin|tty|fd\/\d+)|nul|\$null|\/tmp\/.+|\/var\/tmp\/.+)$/i;

/**
 * Not in the folder it runs in, as far as can be known; a place that only shows when
 * it runs counts as outside.
 */
export function isOutside({ text, isExact, inner }: ShellWord, { isAway }: CommandScope): boolean {
  if (HARMLESS.test(text) && !/\.\./.test(text)) return false;
  if (/^(?:\/|~|\\\\|[a-z]:|\$(?:HOME|\{HOME)|%\w+%|\$env:)/i.test(text)) return true;
  if (/(?:^|[\\/])\.\.(?:[\\/]|$)/.test(text)) return true;
  if (!isExact && (inner.length > 0 || text.startsWith("$"))) return true;
  return isAway && text !== "";
}
