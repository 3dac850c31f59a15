// What the machine around the companion does: its clock jumps, it has no file descriptors or no
// time left, and an error that nobody caught ends the process.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { connect, type Socket } from "node:net";
import { availableParallelism } from "node:os";
import { ENGINES } from "../support/engines.ts";
import { answering, type Lab, until, withLab } from "./support/lab.ts";
import { record } from "./support/results.ts";

const STREAMS = 20;
const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

for (const engine of ENGINES) {
  describe(`the machine on ${engine.engine}`, function () {
    this.timeout(120_000);

    for (const [what, ms] of [
      ["a day forward", DAY_MS],
      ["an hour back", -HOUR_MS],
    ] as const) {
      it(`sets its clock ${what}, and back again`, () =>
        withLab(
          engine,
          async (lab) => {
            const { conversations, ended } = lab.talk(STREAMS, { words: 200, gap_ms: 5 });
            await until("words", answering(conversations));
            lab.companion.process.kill("SIGUSR2");
            await until("more words", answering(conversations, 40));
            lab.companion.process.kill("SIGUSR2");
            await ended;
            for (const { final } of conversations) assert.equal(final?.type, "done");
            record(`clock set ${what}`, engine.engine, await lab.check(conversations, 5));
          },
          {
            node: ["--import", "./test/support/planted/clock.ts"],
            env: { PLANTED_CLOCK_MS: String(ms), PLANTED_CLOCK_AT: "SIGUSR2" },
          },
        ));
    }

    it("has no file descriptors left", () =>
      withLab(engine, async (lab) => {
        const { conversations, ended } = lab.talk(STREAMS, { words: 300, gap_ms: 5 });
        await until("words", answering(conversations));
        await limitFiles(lab, 80);
        const crowd: Socket[] = [];
        for (let n = 0; n < 200; n++) {
          const socket = connect(lab.address.port, "127.0.0.1");
          socket.on("error", () => {});
          crowd.push(socket);
        }
        await ended;
        for (const socket of crowd) socket.destroy();
        await limitFiles(lab, 4_096);
        record(
          "80 file descriptors, 200 connections",
          engine.engine,
          await lab.check(conversations, 5),
        );
      }));

    it("has no time for it", () =>
      withLab(engine, async (lab) => {
        const busy = Array.from({ length: 2 * availableParallelism() }, () =>
          spawn(process.execPath, ["-e", "for (;;);"], { stdio: "ignore" }),
        );
        try {
          const { conversations, ended } = lab.talk(STREAMS, { words: 200, gap_ms: 5 });
          await ended;
          for (const { final } of conversations) assert.equal(final?.type, "done");
          record(
            "a machine that is busy twice over",
            engine.engine,
            await lab.check(conversations, 5),
          );
        } finally {
          for (const one of busy) one.kill("SIGKILL");
        }
      }));

    it("ends it by an error that nobody caught", () =>
      withLab(
        engine,
        async (lab) => {
          const { conversations, ended } = lab.talk(STREAMS, { words: 300, gap_ms: 5 });
          await until("words", answering(conversations));
          lab.down();
          lab.companion.process.kill("SIGUSR2");
          assert.equal((await lab.companion.ended).code, 1);
          await lab.start();
          await ended;
          record("an error that nobody caught", engine.engine, await lab.check(conversations, 5));
        },
        { node: ["--import", "./test/support/planted/crash.ts"] },
      ));
  });
}

async function limitFiles({ companion }: Lab, count: number): Promise<void> {
  const args = ["--pid", String(companion.process.pid), `--nofile=${count}:4096`];
  const limiting = spawn("prlimit", args, { stdio: "ignore" });
  const code = await new Promise((resolve) => limiting.once("close", resolve));
  assert.equal(code, 0);
}
