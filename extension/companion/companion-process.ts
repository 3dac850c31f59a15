import type { ChildProcess } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import { DRAIN_SECONDS } from "../../server/protocol/requests.ts";
import { type Hello, PROTOCOL_VERSION } from "../../server/protocol/responses.ts";
import { isProblem, Problem } from "../problem.ts";
import {
  type Companion,
  companionEnd,
  drainCompanion,
  findCompanion,
  stopCompanion,
} from "./companion.ts";
import { makeDataDirectory } from "./companion-files.ts";
import {
  EXIT_ANOTHER_RUNS,
  EXIT_BAD_CONFIGURATION,
  type LaunchOptions,
  launchCompanion,
} from "./companion-launch.ts";
import { lastWords, logPath, says, sizeOf } from "./companion-log.ts";

const READY_TIMEOUT_MS = 20_000;
const TAKEN_PAUSE_MS = 500;
/** How long a new companion may take to say that it waits; after that it is believed to. */
const WAITS_MS = 10_000;
/** What a companion may need to end, beyond the time that its running answers get. */
const LEAVE_MS = 15_000;
/** Longer than all pauses between five crashes, and than a companion may take to drain. */
const MAX_START_MS = 60_000;
const CRASH_WINDOW_MS = 5 * 60_000;
const MAX_CRASHES = 5;
const FIRST_BACKOFF_MS = 250;
const LAST_BACKOFF_MS = 10_000;

/**
 * `stopped`: not needed yet, or it ended itself when idle. `replacing`: an older one finishes its
 * answers. `away`: it is needed, and comes back. `failed`: given up until asked.
 */
export type CompanionState =
  | { state: "stopped" | "starting" | "replacing" | "away" }
  | { state: "ready"; companion: Companion }
  | { state: "failed"; problem: Problem };

export interface CompanionProcessLog {
  info(message: string): void;
  warn(message: string): void;
}

export interface CompanionProcessDeps {
  dataDir: string;
  /** Version of this extension: an older idle companion is replaced by ours. */
  version: string;
  /** How long the answers of a companion that makes room may go on. */
  drainSeconds: number;
  launchOptions(): Promise<LaunchOptions>;
  /** Runs after each attach, before anyone else gets the companion: its memory alone has keys. */
  prepare(companion: Companion): Promise<void>;
  onState(state: CompanionState): void;
  log: CompanionProcessLog;
}

/**
 * The companion of one data directory, as this window sees it.
 *
 * `stopped` -> `starting` by `ensure()`: attach to the one that runs, else start one; then `ready`.
 * On the way `replacing`, when the one that runs is of an older build: ours waits for its place
 * until the other has drained. `ready` -> `stopped` when it ended cleanly (idle, or stopped by
 * someone); -> `away` when it broke, and from there by itself to `ready` again, with growing
 * pauses, or after five crashes in five minutes to `failed`. Only `restart()` leaves `failed`.
 */
export class CompanionProcess {
  readonly #deps: CompanionProcessDeps;
  #state: CompanionState = { state: "stopped" };
  #starting: Promise<Companion> | undefined;
  #checking: Promise<void> | undefined;
  #crashes: number[] = [];
  #notBefore = 0;
  readonly #wakes = new Set<() => void>();
  #waiters = new Set<(companion: Companion) => void>();
  #closed = new AbortController();

  constructor(deps: CompanionProcessDeps) {
    this.#deps = deps;
  }

  get state(): CompanionState {
    return this.#state;
  }

  /** A companion that has proved itself and has the keys; started if none runs. */
  ensure(): Promise<Companion> {
    if (this.#state.state === "ready") return Promise.resolve(this.#state.companion);
    if (this.#state.state === "failed") return Promise.reject(this.#state.problem);
    return this.#begin();
  }

  /** The next companion that is ready; starts none, so it also waits through `failed`. */
  waitUntilReady(signal: AbortSignal): Promise<Companion> {
    if (this.#state.state === "ready") return Promise.resolve(this.#state.companion);
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        this.#waiters.delete(done);
        reject(signal.reason);
      };
      const done = (companion: Companion): void => {
        signal.removeEventListener("abort", stop);
        resolve(companion);
      };
      signal.addEventListener("abort", stop, { once: true });
      this.#waiters.add(done);
    });
  }

  /**
   * A connection to `companion` broke: finds out whether it is still there,
   * and lets go of it if not.
   */
  check(companion: Companion): Promise<void> {
    if (!this.#holds(companion)) return Promise.resolve();
    this.#checking ??= this.#verify(companion).finally(() => {
      this.#checking = undefined;
    });
    return this.#checking;
  }

  /** `companion` says that it is about to end: once it has, its place is taken. */
  async succeed(companion: Companion): Promise<void> {
    await companionEnd(companion, DRAIN_SECONDS * 1000 + LEAVE_MS).catch(() => undefined);
    if (!this.#holds(companion)) return;
    this.#release({ state: "away" });
    await this.#begin().catch(() => undefined);
  }

  /**
   * The machine slept: nobody waits any longer for what may be back, and whether the
   * companion is there is asked anew.
   */
  wake(): void {
    this.#notBefore = 0;
    for (const wake of [...this.#wakes]) wake();
    if (this.#state.state === "ready") void this.check(this.#state.companion);
  }

  /** Resolves after `ms`, or sooner at a wake; rejects when `signal` aborts. */
  async pause(ms: number, signal: AbortSignal): Promise<void> {
    const woken = new AbortController();
    const wake = (): void => woken.abort();
    this.#wakes.add(wake);
    try {
      await delay(ms, undefined, { signal: AbortSignal.any([signal, woken.signal]) });
    } catch (thrown) {
      if (!woken.signal.aborted) throw thrown;
    } finally {
      this.#wakes.delete(wake);
    }
  }

  /** Ends the companion that runs, for all windows, and starts one with the settings of now. */
  async restart(): Promise<Companion> {
    await this.#starting?.catch(() => undefined);
    this.#crashes = [];
    this.#notBefore = 0;
    this.#release({ state: "starting" });
    const found = await findCompanion(this.#deps.dataDir).catch(() => undefined);
    if (found) await stopCompanion(found);
    return this.#begin();
  }

  /** Ends the companion that runs, if one does. Its running turns end as interrupted, kept. */
  async stopRunning(): Promise<void> {
    const found = await findCompanion(this.#deps.dataDir).catch(() => undefined);
    this.#release({ state: "stopped" });
    if (found) await stopCompanion(found);
  }

  /** Lets go of the companion, which lives on for other windows. */
  close(): void {
    this.#closed.abort(new Error("The window closes"));
    this.#release({ state: "stopped" });
  }

  #begin(): Promise<Companion> {
    this.#starting ??= this.#attachOrStart().finally(() => {
      this.#starting = undefined;
    });
    return this.#starting;
  }

  async #attachOrStart(): Promise<Companion> {
    if (this.#state.state !== "away") this.#set({ state: "starting" });
    const { dataDir, log } = this.#deps;
    try {
      await makeDataDirectory(dataDir);
      const begun = performance.now();
      for (;;) {
        this.#closed.signal.throwIfAborted();
        const found = await findCompanion(dataDir);
        const leaving = found && (await this.#mustGo(found)) ? found : undefined;
        let companion = leaving ? undefined : found;
        const pause = this.#notBefore - performance.now();
        if (!companion && pause > 0) {
          leaving?.close();
          await this.pause(pause, this.#closed.signal);
          continue;
        }
        if (companion) log.info(`Attached to the companion with pid ${companion.hello.pid}`);
        companion ??= await this.#startOne(leaving);
        if (!companion && performance.now() - begun > MAX_START_MS) {
          throw Problem.ours("companion_slow", "Another companion holds the data directory");
        }
        if (companion && (await this.#prepared(companion))) return companion;
      }
    } catch (thrown) {
      const problem =
        thrown instanceof Problem
          ? thrown
          : Problem.ours("companion_exited", "It could not be started", { cause: thrown });
      if (!this.#closed.signal.aborted) this.#set({ state: "failed", problem });
      throw problem;
    }
  }

  async #prepared(companion: Companion): Promise<boolean> {
    try {
      await this.#deps.prepare(companion);
    } catch (thrown) {
      companion.close();
      if (!isProblem(thrown, "companion_lost", "companion_unproven")) throw thrown;
      this.#countCrash("it went away while it got the keys");
      return false;
    }
    this.#set({ state: "ready", companion });
    for (const resolve of this.#waiters) resolve(companion);
    this.#waiters.clear();
    return true;
  }

  /**
   * Whether it is of an older build and has to make room for ours. Throws if it is of a newer
   * one that we do not know.
   */
  async #mustGo(companion: Companion): Promise<boolean> {
    const { hello } = companion;
    if (hello.protocol !== PROTOCOL_VERSION) {
      if (hello.protocol < PROTOCOL_VERSION) return true;
      companion.close();
      // The newer one wins, or two windows would replace each other's companion for ever.
      throw Problem.ours("companion_newer", hello.version);
    }
    if (!isOlder(hello, this.#deps.version)) return false;
    return companion.isIdle().catch(() => false);
  }

  /**
   * Starts a companion, in the place of `leaving` if that is given, and waits for it; undefined if
   * it has to be tried again.
   */
  async #startOne(leaving: Companion | undefined): Promise<Companion | undefined> {
    const { dataDir, log, drainSeconds } = this.#deps;
    const offset = await sizeOf(logPath(dataDir));
    const leaveMs = drainSeconds * 1000 + LEAVE_MS;
    const child = await launchCompanion(
      dataDir,
      await this.#deps.launchOptions(),
      leaving ? leaveMs / 1000 : 0,
    );
    const ended = exitOf(child);
    child.unref();
    log.info(`Started a companion with pid ${child.pid ?? "?"}`);
    if (leaving) {
      // It asks for the lock before the old one lets go, so no window with an
      // older build comes in between.
      const waits = { pid: child.pid ?? 0, words: "waits for the companion that runs" };
      const signal = AbortSignal.any([this.#closed.signal, AbortSignal.timeout(WAITS_MS)]);
      await says(logPath(dataDir), offset, { ...waits, signal });
      await this.#replace(leaving, leaveMs);
    }

    const over = new AbortController();
    const deadline = AbortSignal.timeout(READY_TIMEOUT_MS);
    const appears = this.#appears(AbortSignal.any([this.#closed.signal, deadline, over.signal]));
    const exit = await Promise.race([ended, appears.then(() => "appeared" as const)]);
    if (exit === "appeared") {
      const companion = await appears;
      if (companion?.hello.pid === child.pid) return companion;
      if (companion) {
        // Another window was faster, perhaps one of another build. Ours would end by itself, unless
        // that one does right now.
        child.kill();
        companion.close();
        return undefined;
      }
      this.#closed.signal.throwIfAborted();
      child.kill("SIGKILL");
      throw Problem.ours("companion_slow", `It was not ready after ${READY_TIMEOUT_MS / 1000} s`);
    }
    if (exit === EXIT_ANOTHER_RUNS) {
      // It is either on its way up, because another window won the race, or on its way out.
      const pause = AbortSignal.timeout(TAKEN_PAUSE_MS);
      const companion = await this.#appears(AbortSignal.any([this.#closed.signal, pause]));
      over.abort();
      companion?.close();
      return undefined;
    }
    over.abort();
    const words = (await lastWords(logPath(dataDir), offset)) || `exit code ${exit}`;
    if (exit === EXIT_BAD_CONFIGURATION) throw Problem.ours("companion_exited", words);
    this.#countCrash(words);
    return undefined;
  }

  async #replace(leaving: Companion, leaveMs: number): Promise<void> {
    const { log, version, drainSeconds } = this.#deps;
    const { hello } = leaving;
    log.info(
      `The companion ${hello.version} (protocol ${hello.protocol}) makes room for ${version}`,
    );
    this.#set({ state: "replacing" });
    await drainCompanion(leaving, drainSeconds);
    await companionEnd(leaving, leaveMs);
    this.#set({ state: "starting" });
  }

  /** Waits for a companion that proves itself; undefined when `signal` came first. */
  async #appears(signal: AbortSignal): Promise<Companion | undefined> {
    while (!signal.aborted) {
      const companion = await findCompanion(this.#deps.dataDir);
      if (companion) return companion;
      await delay(25, undefined, { signal }).catch(() => undefined);
    }
    return undefined;
  }

  async #verify(companion: Companion): Promise<void> {
    const found = await findCompanion(this.#deps.dataDir).catch(() => undefined);
    if (!this.#holds(companion)) return found?.close();
    if (found?.hello.pid === companion.hello.pid) return found.close();
    found?.close();
    if (found === undefined && (await companion.leftCleanly())) {
      this.#deps.log.info("The companion has ended");
      return this.#release({ state: "stopped" });
    }
    this.#release({ state: "away" });
    try {
      // If another is up already it only has to be attached.
      if (!found) this.#countCrash(`the one with pid ${companion.hello.pid} is gone`);
    } catch (thrown) {
      if (!(thrown instanceof Problem)) throw thrown;
      return this.#set({ state: "failed", problem: thrown });
    }
    void this.#begin().catch(() => undefined);
  }

  /** Sets the pause before the next start, longer each time; throws when it was too often. */
  #countCrash(why: string): void {
    const now = performance.now();
    this.#crashes = [...this.#crashes.filter((at) => now - at < CRASH_WINDOW_MS), now];
    const count = this.#crashes.length;
    this.#deps.log.warn(`The companion ended unexpectedly (${count} in 5 minutes): ${why}`);
    if (count >= MAX_CRASHES) throw Problem.ours("companion_gave_up", why);
    this.#notBefore = now + Math.min(FIRST_BACKOFF_MS * 2 ** (count - 1), LAST_BACKOFF_MS);
  }

  #holds(companion: Companion): boolean {
    return this.#state.state === "ready" && this.#state.companion === companion;
  }

  #release(next: CompanionState): void {
    const old = this.#state;
    this.#set(next);
    if (old.state === "ready") old.companion.close();
  }

  #set(state: CompanionState): void {
    const same = state.state === this.#state.state;
    this.#state = state;
    if (!same) this.#deps.onState(state);
  }
}

function exitOf(child: ChildProcess): Promise<number | string> {
  return new Promise((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("exit", (code, signal) => resolve(code ?? signal ?? "unknown"));
  });
}

function isOlder(hello: Hello, version: string): boolean {
  const [theirs, ours] = [hello.version, version].map((text) =>
    (/^(\d+)\.(\d+)\.(\d+)/.exec(text) ?? []).slice(1).map(Number),
  );
  if (!theirs?.length || !ours?.length) return false;
  for (let i = 0; i < 3; i++) {
    const difference = (theirs[i] ?? 0) - (ours[i] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}
