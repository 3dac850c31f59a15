// Who is told, when and how often, that a chat waits or has ended; with real files and short
// pauses.
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createTellingWindow } from "../../../extension/chat/telling-window.ts";
import { type News, WaitingChats } from "../../../extension/chat/waiting-chats.ts";

const call = (call_id: string) => ({ call_id, turn_id: "t" });
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
/**
 * Until it is told, however busy the machine is; the test's own limit of time ends it otherwise.
 */
const until = async (isSo: () => boolean) => {
  while (!isSo()) await pause(5);
};
/** Long after all that is to be told soon has been told. */
const SETTLED_MS = 150;

interface Window {
  chats: WaitingChats;
  told: News[];
  counts: number[];
  seen: Map<string, boolean | undefined>;
}

describe("chats that wait", () => {
  let folder: string;
  const windows: WaitingChats[] = [];

  const open = ({
    pid = process.pid,
    ...times
  }: {
    pid?: number;
    apartMs?: number;
    shortMs?: number;
  } = {}) => {
    const told: News[] = [];
    const counts: number[] = [];
    const seen = new Map<string, boolean | undefined>();
    const chats = new WaitingChats({
      ...createTellingWindow(folder, pid),
      isSeen: (sessionId) => (seen.has(sessionId) ? seen.get(sessionId) : false),
      onCount: (count) => counts.push(count),
      tell: (news) => told.push(news),
      log: { warn: (message) => assert.fail(message) },
      times: { graceMs: 20, courtesyMs: 60, apartMs: 0, againMs: 100_000, shortMs: 0, ...times },
    });
    windows.push(chats);
    return { chats, told, counts, seen } satisfies Window;
  };
  const waitingIn = (told: News[]) =>
    told.map(
      (news) => news.what === "waiting" && news.chats.map(({ sessionId }) => sessionId).toSorted(),
    );

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "streamkeeper-told-"));
  });
  afterEach(() => {
    for (const chats of windows.splice(0)) chats.dispose();
    rmSync(folder, { recursive: true, force: true });
  });

  it("are counted, seen or not, until they are answered wherever that is", async () => {
    const { chats, counts, seen } = open();
    seen.set("a", true);
    chats.asked("a", [call("1")]);
    chats.asked("b", [call("1")]);
    chats.asked("b", []);
    chats.asked("b", []);
    chats.ended("a", "done");
    assert.deepEqual(counts, [1, 2, 1, 0]);
  });

  it("are told of once each, those of one moment together", async () => {
    const { chats, told } = open({ apartMs: 400 });
    for (const id of ["a", "b", "c"]) chats.sent(id);
    chats.asked("a", [call("1")]);
    await pause(50);
    chats.asked("b", [call("1")]);
    await pause(40);
    chats.asked("c", [call("1")]);
    chats.asked("a", [call("1"), call("2")]);
    await until(() => told.length > 1);
    await pause(SETTLED_MS);
    assert.deepEqual(waitingIn(told), [["a"], ["b", "c"]]);
  });

  it("are told of no more than once while nobody looks, however many questions follow", async () => {
    const { chats, told, seen } = open();
    chats.sent("a");
    for (const id of ["1", "2", "3"]) {
      chats.asked("a", [call(id)]);
      await until(() => told.length > 0);
      await pause(40);
      chats.asked("a", []);
    }
    assert.deepEqual(waitingIn(told), [["a"]]);
    seen.set("a", true);
    chats.asked("a", [call("4")]);
    seen.set("a", false);
    chats.asked("a", [call("5")]);
    await until(() => told.length > 1);
    assert.deepEqual(waitingIn(told), [["a"], ["a"]]);
  });

  it("are no news to who sees them, decides at once, or has them from elsewhere", async () => {
    const { chats, told, seen } = open();
    for (const id of ["seen", "loading", "quick"]) chats.sent(id);
    seen.set("seen", true).set("loading", undefined);
    for (const id of ["seen", "loading", "quick", "other"]) chats.asked(id, [call("1")]);
    chats.asked("quick", []);
    await pause(50);
    seen.set("loading", true);
    await pause(SETTLED_MS);
    assert.deepEqual(told, []);
  });

  it("are told of by one window of those on the same folders, first by the one that sent", async () => {
    const [sender, other] = [open({ pid: process.pid }), open({ pid: process.ppid })];
    sender.chats.sent("a");
    other.chats.remembered("a");
    for (const { chats } of [other, sender]) chats.asked("a", [call("1")]);
    await until(() => sender.told.length > 0);
    await pause(SETTLED_MS);
    assert.deepEqual([sender.told.length, other.told.length], [1, 0]);
    for (const { chats } of [other, sender]) chats.ended("a", "error");
    await until(() => sender.told.length > 1);
    await pause(SETTLED_MS);
    assert.deepEqual([sender.told.at(-1), other.told], [{ what: "error", sessionId: "a" }, []]);
  });

  it("are told of by the window that has it before the eyes to nobody", async () => {
    const [sender, other] = [open({ pid: process.pid }), open({ pid: process.ppid })];
    sender.chats.sent("a");
    sender.seen.set("a", true);
    other.chats.remembered("a");
    for (const { chats } of [other, sender]) chats.asked("a", [call("1")]);
    await pause(SETTLED_MS);
    assert.deepEqual([sender.told, other.told], [[], []]);
  });

  it("are told of again after a reload, when the window that did it is gone", async () => {
    writeFileSync(join(folder, "a"), "999999999");
    const { chats, told } = open();
    chats.remembered("a");
    chats.asked("a", [call("1")]);
    await until(() => told.length > 0);
    assert.deepEqual(waitingIn(told), [["a"]]);
    chats.asked("a", []);
    await until(() => readdirSync(folder).length === 0);
  });

  it("are told of by those that stay, when the window that was to do it goes", async () => {
    // Alive, as the host of a window is for a while after its reload.
    writeFileSync(join(folder, "one"), String(process.ppid));
    const { chats, told } = open();
    chats.remembered("one");
    chats.asked("one", [call("a"), call("b")]);
    chats.asked("one", [call("b")]);
    await pause(SETTLED_MS);
    assert.deepEqual(told, []);
    rmSync(join(folder, "one"));
    await until(() => told.length > 0);
    assert.deepEqual(waitingIn(told), [["one"]]);
  });

  it("are told of when they have ended, unless that was soon or somebody's will", async () => {
    const { chats, told } = open();
    for (const id of ["done", "failed", "stopped"]) chats.sent(id);
    chats.ended("done", "done");
    chats.ended("failed", "error");
    chats.ended("stopped", "interrupted");
    const quick = open({ shortMs: 10_000 });
    quick.chats.sent("done");
    quick.chats.ended("done", "done");
    await until(() => told.length > 1);
    await pause(SETTLED_MS);
    assert.deepEqual(told.map(({ what }) => what).toSorted(), ["done", "error"]);
    assert.deepEqual(quick.told, []);
  });
});
