// Three companions on one database, behind HAProxy as docs/team.md sets it up.
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Address } from "../faults/support/conversation.ts";
import { PACED_MODEL } from "../faults/support/paced-upstream.ts";
import { type Companion, startCompanion } from "../support/companion.ts";
import { freePort } from "../support/free-port.ts";
import { documentedSettings, withServers } from "./documented-settings.ts";
import { makeHome } from "./patroni.ts";

const PROXY = "haproxy";
const COMPANIONS = 3;
const TOKEN = "A".repeat(43);

export interface Member {
  port: number;
  dataDir: string;
  /** Undefined: it was killed. */
  now: Companion | undefined;
}

export interface Team {
  members: readonly Member[];
  /** Of the address before them. */
  front(): Promise<Address>;
  start(member: Member): Promise<void>;
  /** Those that were killed. */
  startAll(): Promise<void>;
  stop(): void;
}

export async function startTeam(
  home: string,
  { upstream, env }: { upstream: string; env: NodeJS.ProcessEnv },
): Promise<Team> {
  const members: Member[] = [];
  for (let n = 0; n < COMPANIONS; n++) {
    const dataDir = join(home, `companion${n}`);
    makeHome(dataDir);
    writeFileSync(join(dataDir, "token"), `${TOKEN}\n`, { mode: 0o600 });
    members.push({ port: await freePort(), dataDir, now: undefined });
  }
  const front = { port: await freePort(), token: TOKEN };
  const file = join(home, "haproxy.cfg");
  const settings = documentedSettings("haproxy", "listen streamkeeper");
  const places = members.map(({ port }) => `127.0.0.1:${port}`);
  writeFileSync(
    file,
    withServers(
      settings,
      front.port,
      places.map((place) => `${place} ${place} check`),
    ),
  );
  const proxy = spawn(PROXY, ["-f", file], {
    stdio: "ignore",
    env: { ...process.env, STREAMKEEPER_TOKEN: TOKEN },
  });
  await delay(500);
  const team: Team = {
    members,
    front: () => Promise.resolve(front),
    async start(member) {
      member.now = await startCompanion({
        dataDir: member.dataDir,
        args: ["--model", PACED_MODEL, "--log-level", "warn", "--port", String(member.port)],
        env: { OPENAI_BASE_URL: upstream, OPENAI_API_KEY: "paced", ...env },
      });
    },
    async startAll() {
      for (const member of members) if (!member.now) await team.start(member);
    },
    stop() {
      proxy.kill("SIGKILL");
      for (const { now } of members) now?.process.kill("SIGKILL");
    },
  };
  try {
    await team.startAll();
  } catch (thrown) {
    team.stop();
    throw thrown;
  }
  return team;
}
