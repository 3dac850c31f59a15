// PgBouncer, which pools transactions, and HAProxy behind it, which leads to the leader: between
// companions and a cluster, as docs/team.md sets them up.
import { spawn } from "node:child_process";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { freePort } from "../support/free-port.ts";
import { documentedSettings, withServers } from "./documented-settings.ts";
import type { PatroniCluster } from "./patroni.ts";

const LEADING = "haproxy";
const AS_USER = "runuser";

export interface Proxies {
  url(database: string): string;
  stop(): void;
}

export async function startProxies(home: string, cluster: PatroniCluster): Promise<Proxies> {
  const [front, pool] = [await freePort(), await freePort()];
  const leading = join(home, "postgres-haproxy.cfg");
  const servers = cluster.nodes.map(
    ({ name, port, rest }) => `${name} 127.0.0.1:${port} check port ${rest}`,
  );
  writeFileSync(
    leading,
    withServers(documentedSettings("haproxy", "listen postgres"), front, servers),
  );
  const pooling = join(home, "pgbouncer.ini");
  const userlist = join(home, "userlist.txt");
  writeFileSync(userlist, '"postgres" "s"\n');
  writeFileSync(
    pooling,
    documentedSettings("ini", "[pgbouncer]")
      .replace(/^streamkeeper = .*/m, `streamkeeper = host=127.0.0.1 port=${front}`)
      .replace(/^listen_port = .*/m, `listen_port = ${pool}`)
      .replace(/^auth_type = .*/m, "auth_type = trust")
      .replace(/^auth_file = .*/m, `auth_file = ${userlist}`),
  );
  for (const file of [pooling, userlist]) chmodSync(file, 0o644);
  // It refuses to run as root.
  const running = [
    spawn(LEADING, ["-f", leading], { stdio: "ignore" }),
    spawn(AS_USER, ["-u", "postgres", "--", "pgbouncer", pooling], { stdio: "ignore" }),
  ];
  await delay(1_000);
  return {
    url: (database) => `postgres://postgres:s@127.0.0.1:${pool}/${database}`,
    stop() {
      // To runuser: it hands on what it can.
      for (const one of running) one.kill("SIGTERM");
    },
  };
}
