// The manifest, the translations and the code, held together.
import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod/mini";
import { renderPage } from "../../../extension/chat/page-html.ts";
import { SPOKEN } from "../../../extension/latency/status-text.ts";
import { PROVIDERS } from "../../../extension/providers.ts";

const ROOT = join(import.meta.dirname, "../../..");
const read = (path: string) => readFileSync(join(ROOT, path), "utf8");
const Texts = z.record(z.string(), z.string());
const Setting = z.object({
  scope: z.string(),
  order: z.number(),
  default: z.unknown(),
  markdownDescription: z.string(),
});
const Manifest = z.object({
  activationEvents: z.array(z.string()),
  icon: z.string(),
  capabilities: z.object({
    untrustedWorkspaces: z.object({
      supported: z.string(),
      restrictedConfigurations: z.array(z.string()),
    }),
    virtualWorkspaces: z.object({ supported: z.string() }),
  }),
  contributes: z.object({
    commands: z.array(
      z.object({ command: z.string(), title: z.string(), category: z.string(), icon: z.string() }),
    ),
    menus: z.record(z.string(), z.array(z.object({ command: z.string(), when: z.string() }))),
    configuration: z.array(z.object({ properties: z.record(z.string(), Setting) })),
    walkthroughs: z.array(
      z.object({ steps: z.array(z.object({ media: z.object({ markdown: z.string() }) })) }),
    ),
  }),
});
const manifest = Manifest.parse(JSON.parse(read("package.json")));
const settings = Object.assign(
  {},
  ...manifest.contributes.configuration.map(({ properties }) => properties),
) as Record<string, z.infer<typeof Setting>>;
const ids = manifest.contributes.commands.map(({ command }) => command);
const sources = readdirSync(join(ROOT, "extension"), { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".ts"))
  .map((name) => read(`extension/${name}`));

describe("manifest", () => {
  it("declares exactly the commands that the code can run", () => {
    const tables = ["commands/commands.ts", "changes/changes.ts"];
    const handled = tables.flatMap((path) =>
      [...read(`extension/${path}`).matchAll(/^ {2}"(streamkeeper\.\w+)":/gm)].map(
        ([, id]) => id ?? "",
      ),
    );
    assert.deepEqual(new Set(handled), new Set(ids));
    assert.equal(handled.length, ids.length);
  });

  it("names only commands that exist, in menus, links and code", () => {
    const used = [
      ...Object.values(manifest.contributes.menus)
        .flat()
        .map(({ command }) => command),
      ...[...read("package.nls.json").matchAll(/command:(streamkeeper\.\w+)/g)].map(
        ([, id]) => id ?? "",
      ),
      ...sources.flatMap((text) =>
        [...text.matchAll(/"(streamkeeper\.(?:show|set|copy|restart|choose|open)\w+)"/g)].map(
          ([, id]) => id ?? "",
        ),
      ),
    ];
    for (const id of used) assert.ok(ids.includes(id), id);
  });

  it("has every text in both languages, and no other", () => {
    const used = [
      ...new Set([...read("package.json").matchAll(/"%([\w.]+)%"/g)].map(([, key]) => key ?? "")),
    ];
    for (const file of ["package.nls.json", "package.nls.ru.json"]) {
      const texts = Texts.parse(JSON.parse(read(file)));
      assert.deepEqual(Object.keys(texts).toSorted(), used.toSorted(), file);
      for (const [key, text] of Object.entries(texts)) assert.ok(text.trim(), key);
    }
  });

  it("has every sentence of the code in Russian, with the same places, and no other", () => {
    const literal = /l10n\.t\(\s*("(?:[^"\\]|\\.)*"|'[^']*')/g;
    const used = new Set<string>(Object.values(SPOKEN));
    for (const text of sources) {
      for (const [, quoted = ""] of text.matchAll(literal)) {
        used.add(quoted.startsWith("'") ? quoted.slice(1, -1) : String(JSON.parse(quoted)));
      }
    }
    const bundle = Texts.parse(JSON.parse(read("l10n/bundle.l10n.ru.json")));
    assert.deepEqual(Object.keys(bundle).toSorted(), [...used].toSorted());
    const places = (text: string) => [...text.matchAll(/\{\d\}/g)].map(String).toSorted();
    for (const [english, russian] of Object.entries(bundle)) {
      assert.deepEqual(places(russian), places(english), english);
    }
  });

  it("takes what could start a process or move a key from the user alone, never from a folder", () => {
    const restricted = manifest.capabilities.untrustedWorkspaces.restrictedConfigurations;
    // What is only looked at.
    const shown = /^streamkeeper\.(?:statusBar|badge|notifications)\./;
    const sensitive = Object.keys(settings).filter((name) => !shown.test(name));
    assert.deepEqual(restricted.toSorted(), sensitive.toSorted());
    for (const name of sensitive) {
      const expected = name === "streamkeeper.model" ? "machine-overridable" : "machine";
      assert.equal(settings[name]?.scope, expected, name);
    }
    for (const { setting } of PROVIDERS) assert.ok(settings[`streamkeeper.${setting}`], setting);
    assert.equal(manifest.capabilities.untrustedWorkspaces.supported, "limited");
    assert.equal(manifest.capabilities.virtualWorkspaces.supported, "limited");
  });

  it("reads no setting that it does not declare", () => {
    const code = read("extension/settings.ts");
    const used = [...code.matchAll(/read(?:Machine)?\("([\w.]+)"\)/g)].map(
      ([, name]) => `streamkeeper.${name}`,
    );
    assert.ok(used.length > 6);
    for (const name of used) assert.ok(settings[name], name);
  });

  it("has its pictures and pages", () => {
    const files = [
      manifest.icon,
      ...manifest.contributes.walkthroughs.flatMap(({ steps }) =>
        steps.map(({ media }) => media.markdown),
      ),
    ];
    for (const file of files) assert.ok(statSync(join(ROOT, file)).size > 0, file);
    const size = readFileSync(join(ROOT, manifest.icon)).subarray(16, 24);
    assert.deepEqual([size.readUInt32BE(0), size.readUInt32BE(4)], [256, 256]);
  });

  it("has no link that leads nowhere in a package, which could not be made with one", () => {
    const nowhere = (text: string) =>
      [...text.matchAll(/\]\((?!https?:)[^)]*\)/g)].map(([one]) => one);
    for (const page of ["CHANGELOG.md", "extension/page.md"]) {
      assert.deepEqual(nowhere(read(page)), [], page);
    }
    assert.deepEqual(nowhere("see [teams](docs/team.md)"), ["](docs/team.md)"]);
  });

  it("never keeps a hidden page alive, and is not activated by everything", () => {
    assert.ok(sources.every((text) => !text.includes("retainContextWhenHidden")));
    assert.ok(!manifest.activationEvents.includes("*"));
  });
});

describe("the page of the chat", () => {
  it("may run our one script and reach no network", () => {
    const page = renderPage({
      cspSource: "https://csp.example",
      nonce: "N0nce",
      script: "https://x/app.js?a&b",
      style: "https://x/app.css",
      language: 'en" onload="x',
    });
    const policy = /Content-Security-Policy" content="([^"]*)"/.exec(page)?.[1];
    assert.equal(
      policy,
      "default-src 'none'; script-src 'nonce-N0nce'; style-src https://csp.example; font-src https://csp.example; img-src https://csp.example data: blob:",
    );
    assert.ok(page.includes('<html lang="en&quot; onload=&quot;x">'));
    assert.ok(page.includes('src="https://x/app.js?a&amp;b"'));
    assert.equal(page.match(/<script/g)?.length, 1);
  });
});
