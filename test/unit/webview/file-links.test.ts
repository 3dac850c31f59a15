import assert from "node:assert/strict";
import { placesIn } from "../../../webview/markdown/file-links.ts";

const named = (text: string): [text: string, path: string, line: number, column?: number][] =>
  placesIn(text).map(({ text: shown, place: { path, line, column } }) =>
    column === undefined ? [shown, path, line] : [shown, path, line, column],
  );

describe("places in files", () => {
  it("are found as compilers, stack traces and models write them", () => {
    assert.deepEqual(named("see src/app.ts:12, and b.rs:3:7."), [
      ["src/app.ts:12", "src/app.ts", 12],
      ["b.rs:3:7", "b.rs", 3, 7],
    ]);
    assert.deepEqual(named("at f (src/a b/x.ts:1)"), [["b/x.ts:1", "b/x.ts", 1]]);
    for (const [text, path, line] of [
      ["(src/a.ts:12)", "src/a.ts", 12],
      ["src/a.ts:12-20", "src/a.ts", 12],
      ["src/a.ts#L12-L20", "src/a.ts", 12],
      ["./a/b.test.tsx:1", "./a/b.test.tsx", 1],
      ["../x/y.py:9", "../x/y.py", 9],
      ["/home/me/p/x.go:4", "/home/me/p/x.go", 4],
      ["C:\\src\\app.cs:5", "C:\\src\\app.cs", 5],
      ["src\\app.cs:5", "src\\app.cs", 5],
      ["app/(auth)/[id]/page.tsx:3", "app/(auth)/[id]/page.tsx", 3],
      [".github/workflows/ci.yml:8", ".github/workflows/ci.yml", 8],
      ["данные/файл.ts:2", "данные/файл.ts", 2],
      ["在src/a.ts:2", "src/a.ts", 2],
      ["github.com/x/y.go:2", "github.com/x/y.go", 2],
      ["src/a.ts:5行目", "src/a.ts", 5],
      ["Makefile:3", "Makefile", 3],
      ["docker/Dockerfile:12", "docker/Dockerfile", 12],
    ] as const) {
      assert.deepEqual(
        named(text).map(([, ...rest]) => rest),
        [[path, line]],
        text,
      );
    }
  });

  it("are not made of hosts, versions, times and addresses", () => {
    for (const text of [
      "example.com:443",
      "localhost:3000 127.0.0.1:80",
      "node:18.2 python:3.12 v1.2:3",
      "12:30 1:2 notMakefile:3",
      "http://localhost/a.ts:3 https://e.example/x.js:1:2",
      "\\\\server\\share\\x.ts:1 //server/x.ts:1",
      "a.ts: 12 a.ts:x",
      "x.ts:12345678",
    ]) {
      assert.deepEqual(named(text), [], text);
    }
  });

  it("are looked for in a time that grows with the text and no faster, whatever stands there", () => {
    // Of the processor: a busy machine is no slow expression.
    const timeOf = (text: string): number => {
      const start = process.cpuUsage();
      placesIn(`${text} x.ts:1`);
      const { user, system } = process.cpuUsage(start);
      return (user + system) / 1_000;
    };
    for (const text of ["(", "a/", "$", "a."]) {
      timeOf(text.repeat(1_000));
      const [quarter, all] = [timeOf(text.repeat(15_000)), timeOf(text.repeat(60_000))];
      assert.ok(all < 8 * quarter + 50, `${text}: ${quarter} ms, and ${all} of four times as much`);
    }
  });
});
