// Pages of a real HTTP server that behaves as strangers do.
import assert from "node:assert/strict";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import { ChatError } from "../../../server/errors.ts";
import { fetchPage } from "../../../server/pages/fetch-page.ts";
import type { Lookup, PageAccess } from "../../../server/pages/page-connections.ts";

type Answer = (response: ServerResponse, path: string) => void;

interface Site {
  port: number;
  origin: string;
  /** Paths in the order in which they were asked for. */
  asked: string[];
}

async function withSite(answer: Answer, body: (site: Site) => Promise<void>): Promise<void> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? "");
    answer(response, request.url ?? "");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  try {
    await body({ port, origin: `http://127.0.0.1:${port}`, asked });
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

const HERE: PageAccess = { allowedHosts: ["127.0.0.1"] };
const html = (text: string, type = "text/html"): Answer => {
  return (response) => void response.writeHead(200, { "content-type": type }).end(text);
};

async function failure(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (thrown) {
    assert.ok(thrown instanceof ChatError, String(thrown));
    return `${thrown.code}: ${thrown.message}`;
  }
  assert.fail("was fetched");
}

const saying = (...addresses: string[]): Lookup => {
  return (_name, _options, callback) =>
    callback(
      null,
      addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 })),
    );
};

describe("fetching a page", () => {
  it("gives its text, where it was found, and its title", () =>
    withSite(
      (response, path) => {
        if (path === "/old") response.writeHead(301, { location: "/new#part" }).end();
        else html("<title>T</title><p>Hello</p>")(response, path);
      },
      async ({ origin, asked }) => {
        const page = await fetchPage(HERE, `${origin}/old#x`);
        assert.deepEqual(page, { url: `${origin}/new`, title: "T", text: "Hello", isCut: false });
        assert.deepEqual(asked, ["/old", "/new"]);
      },
    ));

  it("refuses what leads inside, and connects to nothing there", () =>
    withSite(html("secret"), async ({ port, asked }) => {
      const open: PageAccess = { allowedHosts: [] };
      for (const host of [
        ...["127.0.0.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0", "localhost"],
        ...["[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[64:ff9b::7f00:1]", "①②⑦.⓪.⓪.①"],
      ]) {
        const allowed = `http://${host}:8080/`;
        assert.match(await failure(fetchPage(open, allowed)), /^page_refused: .* public/, host);
      }
      const named: PageAccess = { allowedHosts: [], lookup: saying("93.184.216.34", "127.0.0.1") };
      assert.match(await failure(fetchPage(named, "http://evil.test:8080/")), /^page_refused/);
      // Any port of a host that is named; another name for the same place is not.
      const mine: PageAccess = { allowedHosts: ["wiki.corp.test"], lookup: saying("127.0.0.1") };
      assert.equal((await fetchPage(mine, `http://wiki.corp.test:${port}/`)).text, "secret");
      const other = `http://wiki.corp.test.evil.test:8080/`;
      assert.match(await failure(fetchPage(mine, other)), /^page_refused/);
      assert.equal(asked.length, 1);
    }));

  it("judges each redirect anew", () =>
    withSite(
      (response, path) => {
        const to: Record<string, string> = {
          "/meta": "http://169.254.169.254/latest/meta-data/",
          "/loop": "/loop",
          "/file": "file:///etc/passwd",
          "/inside": "http://inside.test:8080/",
        };
        response.writeHead(302, { location: to[path] ?? "http://elsewhere.test/" }).end();
      },
      async ({ origin, asked }) => {
        const access: PageAccess = { ...HERE, lookup: saying("10.0.0.1") };
        assert.match(await failure(fetchPage(access, `${origin}/meta`)), /^page_refused: 169/);
        assert.match(await failure(fetchPage(access, `${origin}/inside`)), /^page_refused: inside/);
        assert.match(await failure(fetchPage(access, `${origin}/file`)), /^page_refused: file/);
        assert.match(await failure(fetchPage(access, `${origin}/loop`)), /more than 5 redirects/);
        assert.equal(asked.filter((path) => path === "/loop").length, 6);
        const stays = fetchPage(access, `${origin}/x`, { staysAtHost: true });
        assert.match(await failure(stays), /leads to another host: http:\/\/elsewhere\.test\//);
      },
    ));

  it("refuses addresses that are none of web pages", async () => {
    for (const address of [
      ...["file:///etc/passwd", "ftp://a.test/", "javascript:1", "data:text/html,x", "nothing"],
      ...["http://user:secret@a.test/", "http://a.test:22/", "http://a.test:6379/", "http://"],
    ]) {
      assert.match(
        await failure(fetchPage({ allowedHosts: [] }, address)),
        /^page_refused/,
        address,
      );
    }
  });

  it("cuts what is too long, however small it was packed, and says so", () => {
    const bomb = Buffer.alloc(40_000_000, 0x20);
    const packed = { gzip: gzipSync(bomb), br: brotliCompressSync(bomb.subarray(0, 8_000_000)) };
    return withSite(
      (response, path) => {
        const encoding = path.slice(1);
        const head = { "content-type": "text/plain" };
        if (encoding === "endless") {
          response.writeHead(200, head);
          const more = (): void => void response.write("word ".repeat(20_000), more);
          more();
        } else if (encoding === "broken") {
          response.writeHead(200, { ...head, "content-encoding": "gzip" }).end("not packed at all");
        } else if (encoding === "deflate") {
          const body = deflateSync("packed words");
          response.writeHead(200, { ...head, "content-encoding": encoding }).end(body);
        } else {
          const body = packed[encoding === "br" ? "br" : "gzip"];
          response.writeHead(200, { ...head, "content-encoding": encoding }).end(body);
        }
      },
      async ({ origin }) => {
        const before = process.memoryUsage().arrayBuffers;
        for (const encoding of ["gzip", "br", "endless"]) {
          const { isCut, text } = await fetchPage(HERE, `${origin}/${encoding}`);
          assert.ok(isCut && text.length <= 4_000_000, encoding);
        }
        assert.ok(process.memoryUsage().arrayBuffers - before < 30_000_000);
        assert.equal((await fetchPage(HERE, `${origin}/deflate`)).text, "packed words");
        assert.match(await failure(fetchPage(HERE, `${origin}/broken`)), /^page_failed/);
        assert.match(await failure(fetchPage(HERE, `${origin}/zstd`)), /cannot be unpacked/);
      },
    );
  }).timeout(60_000);

  it("reads the encoding from the mark, the head, the page, or the bytes", async () => {
    const cases: readonly (readonly [Buffer, string, string])[] = [
      [Buffer.from([0xcf, 0xf0, 0xe8]), "text/plain; charset=windows-1251", "При"],
      [Buffer.from([0xfe, 0xff, 0x04, 0x1f]), "text/plain; charset=utf-8", "П"],
      [Buffer.from("\uFEFFПри"), "text/plain; charset=windows-1251", "При"],
      [
        Buffer.concat([Buffer.from('<meta charset="koi8-r">'), Buffer.from([0xf0, 0xd2])]),
        "text/html",
        "Пр",
      ],
      [Buffer.from("При"), "text/html", "При"],
      [Buffer.from([0x63, 0x61, 0x66, 0xe9, 0x20, 0xe9, 0xe8]), "text/plain", "café éè"],
      [Buffer.from("ok"), "text/plain; charset=nonsense", "ok"],
    ];
    for (const [body, type, text] of cases) {
      await withSite(
        (response) => void response.writeHead(200, { "content-type": type }).end(body),
        async ({ origin }) => assert.equal((await fetchPage(HERE, origin)).text, text, type),
      );
    }
  });

  it("says what is wrong: no text, an error, a broken end, a stop", async () => {
    await withSite(html("%PDF-1.7", "application/pdf"), async ({ origin }) => {
      assert.match(await failure(fetchPage(HERE, origin)), /no text \(application\/pdf\)/);
    });
    await withSite(
      (response, path) => {
        if (path === "/404") response.writeHead(404).end("no");
        else if (path === "/cut") {
          response.writeHead(200, { "content-type": "text/plain", "content-length": "100" });
          response.write("half", () => response.destroy());
        } else response.writeHead(200, { "content-type": "text/plain" }).write("drip");
      },
      async ({ origin, asked }) => {
        assert.match(await failure(fetchPage(HERE, `${origin}/404`)), /answered with status 404/);
        assert.match(await failure(fetchPage(HERE, `${origin}/cut`)), /broke off/);
        const stop = new AbortController();
        const work = fetchPage(HERE, `${origin}/drip`, { signal: stop.signal });
        while (!asked.includes("/drip")) await new Promise((resolve) => setTimeout(resolve, 5));
        stop.abort();
        await assert.rejects(work, { name: "AbortError" });
      },
    );
    const access: PageAccess = { allowedHosts: ["127.0.0.1"] };
    assert.match(await failure(fetchPage(access, "http://127.0.0.1:9/")), /could not be reached/);
  });
});
