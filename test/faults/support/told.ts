// What a companion says of itself while nothing can be stored: to who asks (`/readyz`) and to the
// status bar (`/metrics`).
import assert from "node:assert/strict";
import type { StorageCode } from "../../../server/protocol/errors.ts";
import { Ready } from "../../../server/protocol/responses.ts";
import type { Companion } from "../../support/companion.ts";

/** A look at the database may take so long. */
const SOON_MS = 4_000;

async function told(companion: Companion): Promise<StorageCode | "other" | "ready"> {
  const response = await companion.request("GET", "/readyz");
  const { ready, problem } = Ready.parse(await response.json());
  assert.equal(response.status, ready ? 200 : 503);
  assert.equal(ready, problem === null);
  return ready ? "ready" : ((problem?.code as StorageCode | undefined) ?? "other");
}

async function onStatusBar(companion: Companion): Promise<string> {
  const metrics = await (await companion.request("GET", "/metrics")).text();
  return /^storage_failing\{code="(\w+)"\} 1$/m.exec(metrics)?.[1] ?? "ready";
}

async function become(what: string, ask: () => Promise<string>, wanted: RegExp): Promise<void> {
  const deadline = performance.now() + SOON_MS;
  for (;;) {
    const said = await ask();
    if (wanted.test(said)) return;
    assert.ok(performance.now() < deadline, `${what} says ${said}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** From soon on and for `ms` both say one of `codes`; returns how often they were asked. */
export async function saysNotReady(
  companion: Companion,
  codes: RegExp,
  ms: number,
): Promise<number> {
  await become("/readyz", () => told(companion), codes);
  await become("the status bar", () => onStatusBar(companion), codes);
  const end = performance.now() + ms;
  let asked = 0;
  while (performance.now() < end) {
    assert.match(await told(companion), codes);
    assert.match(await onStatusBar(companion), codes);
    asked++;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return asked;
}

/** Soon both say that it is ready. */
export async function saysReady(companion: Companion): Promise<number> {
  await become("/readyz", () => told(companion), /^ready$/);
  await become("the status bar", () => onStatusBar(companion), /^ready$/);
  return 1;
}
