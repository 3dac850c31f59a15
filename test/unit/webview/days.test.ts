import assert from "node:assert/strict";
import { byDay, type Day, dayOf, untilNextDay } from "../../../webview/components/days.ts";
import { shortName, workspaceNames } from "../../../webview/components/workspace-names.ts";

/** In the time zone of this machine, like what a reader sees. */
const at = (day: number, hour = 0, minute = 0): Date => new Date(2026, 2, day, hour, minute);

describe("the days of the list of chats", () => {
  it("change at midnight of the reader's own clock", () => {
    const now = at(31, 0, 1);
    const days: [Date, Day][] = [
      [at(32), "today"],
      [at(31), "today"],
      [at(30, 23, 59), "yesterday"],
      [at(30), "yesterday"],
      [at(29, 23, 59), "week"],
      [at(24), "week"],
      [at(23, 23, 59), "month"],
      [at(1), "month"],
      [at(0, 23, 59), "older"],
    ];
    for (const [time, day] of days) assert.equal(dayOf(time, now), day, String(time));
    assert.equal(dayOf(at(31, 0, 1), at(32)), "yesterday");
  });

  it("are right where a day has 23 hours, or 25", () => {
    const zone = process.env["TZ"];
    try {
      process.env["TZ"] = "Europe/Berlin";
      // Clocks go on at 2:00 on the 29th of March, and back at 3:00 on the 25th of October.
      assert.equal(dayOf(new Date(2026, 2, 29, 0, 10), new Date(2026, 2, 30, 0, 5)), "yesterday");
      assert.equal(dayOf(new Date(2026, 9, 24, 23, 50), new Date(2026, 9, 26, 0, 5)), "week");
      assert.equal(dayOf(new Date(2026, 9, 25, 0, 5), new Date(2026, 9, 26, 23, 55)), "yesterday");
    } finally {
      if (zone === undefined) delete process.env["TZ"];
      else process.env["TZ"] = zone;
    }
  });

  it("keep the order of what is in each, and leave empty ones out", () => {
    const items = [at(31, 9), at(31, 8), at(2)].map((time) => ({ updated_at: time.toISOString() }));
    assert.deepEqual(byDay(items, at(31, 10)), [
      { day: "today", items: items.slice(0, 2) },
      { day: "month", items: items.slice(2) },
    ]);
  });

  it("are drawn again at midnight, and after an hour at the latest", () => {
    assert.ok(untilNextDay(at(31, 23, 59)) <= 60_100);
    assert.equal(untilNextDay(at(31, 12)), 3_600_000);
  });
});

describe("the name of a workspace", () => {
  it("is the last part of its path, of each of its folders", () => {
    const named: [string, string][] = [
      ["/home/me/streamkeeper", "streamkeeper"],
      ["/home/me/streamkeeper/", "streamkeeper"],
      ["/home/me/web,/home/me/api", "web, api"],
      ["C:\\work\\проект", "проект"],
      ["file:///home/me/my%20team.code-workspace", "my team"],
      ["/home/me/100%25", "100%25"],
      ["/", "/"],
    ];
    for (const [workspace, name] of named) assert.equal(shortName(workspace), name);
  });

  it("is told with its path where two have the same", () => {
    const names = workspaceNames(["/a/app", "/b/app", "/b/lib"]);
    assert.deepEqual([...names.values()], ["app (/a/app)", "app (/b/app)", "lib"]);
  });
});
