// Pictures and PDF files: how they come into the draft, stay with it, go, and are seen again.
import assert from "node:assert/strict";
import type { ClientMessage } from "../../server/protocol/requests.ts";
import { findings, inEveryTheme } from "./support/axe.ts";
import { model } from "./support/scripted-parts.ts";
import { closeBrowser, HOSTS, type OpenApp, only, withApp } from "./support/with-app.ts";

after(closeBrowser);

interface Given {
  name: string;
  type: string;
  /** Of a picture that the page draws: its sides. */
  picture?: readonly [number, number];
  text?: string;
  /** Copied along with it. */
  beside?: Record<string, string>;
}

/** As the browser would: with the files' bytes in the event. */
async function give({ page }: OpenApp, how: "paste" | "drop", ...files: Given[]): Promise<void> {
  await page.evaluate(
    async ([event, given]) => {
      const transfer = new DataTransfer();
      for (const { name, type, picture, text, beside } of given) {
        let content: BlobPart = text ?? "";
        if (picture) {
          const canvas = new OffscreenCanvas(picture[0], picture[1]);
          const context = canvas.getContext("2d");
          if (!context) throw new Error("no canvas");
          context.fillStyle = name.startsWith("red") ? "red" : "green";
          context.fillRect(0, 0, picture[0], picture[1]);
          content = await canvas.convertToBlob({ type });
        }
        transfer.items.add(new File([content], name, { type }));
        for (const [kind, value] of Object.entries(beside ?? {})) transfer.setData(kind, value);
      }
      const init = { bubbles: true, cancelable: true };
      const isTaken = (): boolean => {
        const made =
          event === "paste"
            ? new ClipboardEvent("paste", { ...init, clipboardData: transfer })
            : new DragEvent("drop", { ...init, dataTransfer: transfer });
        document.querySelector("textarea")?.dispatchEvent(made);
        return made.defaultPrevented;
      };
      // What listens is loaded after the first word.
      const isText = given.some(({ beside }) => beside !== undefined);
      while (!isTaken() && !isText) await new Promise((resolve) => setTimeout(resolve, 20));
    },
    [how, files] as const,
  );
}

const RED: Given = { name: "red.png", type: "image/png", picture: [40, 30] };
const PDF: Given = { name: "plan.pdf", type: "application/pdf", text: "%PDF-1.7\n%%EOF\n" };
const draft = ({ page }: OpenApp) => page.locator(".composer .attached li");
const sent = ({ page }: OpenApp) => page.locator(".question .attached li");

/** Not only on its way. */
async function isStored(app: OpenApp, count: number): Promise<void> {
  await sent(app)
    .nth(count - 1)
    .waitFor();
  await app.page.locator(".status-line.is-live").waitFor();
}

function sentIn({ companion }: OpenApp, index = 0) {
  const message: ClientMessage | undefined = companion.messages[index]?.message;
  assert.ok(message?.type === "user_message");
  return message;
}

const isDrawn = async (app: OpenApp, place = ".question"): Promise<void> => {
  const loaded = (selector: string): boolean => {
    const image = document.querySelector<HTMLImageElement>(`${selector} .thumbnail img`);
    return image !== null && image.complete && image.naturalWidth > 0;
  };
  await app.page.waitForFunction(loaded, place);
};

for (const host of HOSTS) {
  describe(`attachments in ${host === "vscode" ? "VS Code's webview" : "a browser"}`, () => {
    it("are pasted, dropped and taken out, go with a message without words and come back from history", () =>
      withApp({ host }, async (app) => {
        const { page, companion } = app;
        await page.getByRole("button", { name: "Attach pictures" }).waitFor();
        assert.equal(await page.getByRole("button", { name: "Send" }).isDisabled(), true);
        await give(app, "paste", RED);
        await page.getByRole("img", { name: "red.png" }).waitFor();
        await give(app, "drop", PDF, { ...RED, name: "other.png" });
        await draft(app).nth(2).waitFor();
        // The focus goes on to the next, by keyboard alone.
        await page.getByRole("button", { name: "Remove plan.pdf" }).focus();
        await page.keyboard.press("Enter");
        await draft(app).nth(2).waitFor({ state: "detached" });
        await page.waitForFunction(() =>
          document.activeElement?.getAttribute("aria-label")?.startsWith("Remove other"),
        );
        await page.getByRole("button", { name: "Send" }).click();
        await isStored(app, 2);
        assert.equal(await draft(app).count(), 0);
        const { attachments, content, context } = sentIn(app);
        assert.equal(content, "");
        assert.equal(context, undefined);
        assert.deepEqual(
          attachments?.map(({ type, media_type, name }) => ({ type, media_type, name })),
          ["red.png", "other.png"].map((name) => ({
            type: "image",
            media_type: "image/png",
            name,
          })),
        );
        companion.done(only(app), only(app).turn?.id ?? "");
        await isDrawn(app);
        await app.reload();
        await isDrawn(app);
        assert.ok(companion.requests.some(({ line }) => line.includes("/attachments/")));
        await page.getByRole("button", { name: "red.png: show larger" }).click();
        await page.getByRole("dialog", { name: "red.png" }).getByRole("img").waitFor();
        await page.keyboard.press("Escape");
        await page.getByRole("dialog").waitFor({ state: "detached" });
      }));

    it("wait in their chat while another is open, and survive a reload", () =>
      withApp({ host }, async (app) => {
        const { page, companion } = app;
        const session = companion.addSession("Other");
        companion.done(session, companion.ask(session, "A question"));
        await page.getByRole("button", { name: "Attach pictures" }).waitFor();
        await give(app, "paste", RED);
        await draft(app).first().waitFor();
        await page.getByRole("button", { name: "Chats" }).click();
        await page.locator(".session-open", { hasText: "Other" }).click();
        await page.locator(".question-text").waitFor();
        await draft(app).first().waitFor({ state: "detached" });
        await app.reload();
        await page.locator(".question-text").waitFor();
        // In VS Code a command of the editor's does it.
        if (host === "vscode") await app.post({ type: "do", action: "new_chat" });
        else await page.getByRole("button", { name: "New chat" }).first().click();
        await isDrawn(app, ".composer");
        await app.send("What is this?");
        await isStored(app, 1);
        assert.ok(sentIn(app).attachments?.[0]?.data);
      }));

    it("go again by reference when the question is changed or asked again", () =>
      withApp({ host }, async (app) => {
        const { page, companion } = app;
        await page.getByRole("button", { name: "Attach pictures" }).waitFor();
        await give(app, "paste", RED);
        await draft(app).first().waitFor();
        await app.send("First");
        await isStored(app, 1);
        const session = only(app);
        companion.done(session, session.turn?.id ?? "");
        await page.getByRole("button", { name: "Retry" }).click();
        await page.waitForFunction(() => document.querySelector(".status-line.is-live") !== null);
        const again = sentIn(app, 1).attachments?.[0];
        assert.equal(again?.data, undefined);
        assert.match(again?.hash ?? "", /^[0-9a-f]{64}$/);
        companion.done(session, session.turn?.id ?? "");
        await page.getByRole("button", { name: "Edit message" }).click();
        await isDrawn(app, ".composer");
        await page.getByRole("button", { name: "Remove red.png" }).click();
        await app.send("Without it");
        await page.locator(".question-text", { hasText: "Without it" }).waitFor();
        await page.locator(".status-line.is-live").waitFor();
        assert.equal(sentIn(app, 2).attachments, undefined);
      }));
  });
}

describe("what is attached", () => {
  it("is made smaller when it is large, and never named twice", () =>
    withApp({}, async (app) => {
      await app.page.getByRole("button", { name: "Attach pictures" }).waitFor();
      await give(app, "paste", { name: "red.png", type: "image/png", picture: [4_000, 1_000] });
      await give(app, "paste", { name: "red.png", type: "image/png", picture: [50, 50] });
      await app.page.getByRole("button", { name: "Remove red 2.png" }).waitFor();
      await app.send("Look");
      await isStored(app, 2);
      const [large, small] = sentIn(app).attachments ?? [];
      assert.deepEqual(pngSides(large?.data), [2_000, 500]);
      assert.deepEqual(pngSides(small?.data), [50, 50]);
    }));

  it("goes without the place where a camera was", () =>
    withApp({}, async (app) => {
      await app.page.getByRole("button", { name: "Attach pictures" }).waitFor();
      await app.page.evaluate(async () => {
        const canvas = new OffscreenCanvas(8, 8);
        canvas.getContext("2d")?.fillRect(0, 0, 8, 8);
        const plain = await (await canvas.convertToBlob({ type: "image/jpeg" })).arrayBuffer();
        const note = new TextEncoder().encode("Exif\0\0GPS 48.2");
        const head = new Uint8Array([0xff, 0xd8, 0xff, 0xe1, 0, note.length + 2]);
        const transfer = new DataTransfer();
        transfer.items.add(new File([head, note, plain.slice(2)], "photo.jpg"));
        const init = { bubbles: true, cancelable: true, clipboardData: transfer };
        while (document.dispatchEvent(new ClipboardEvent("paste", init))) {
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
      });
      await draft(app).first().waitFor();
      await app.send("Where?");
      await isStored(app, 1);
      const data = Buffer.from(sentIn(app).attachments?.[0]?.data ?? "", "base64");
      assert.equal(data.subarray(0, 2).toString("hex"), "ffd8");
      assert.equal(data.includes("GPS 48.2"), false);
    }));

  it("is only what models take: an SVG, a text and a broken picture are refused with the reason", () =>
    withApp({}, async (app) => {
      const { page } = app;
      await page.getByRole("button", { name: "Attach pictures" }).waitFor();
      const svg = `<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`;
      await give(app, "drop", { name: "a.svg", type: "image/svg+xml", text: svg });
      await page.getByText("a.svg cannot be attached").waitFor();
      await give(app, "drop", { name: "b.txt", type: "text/plain", text: "words" });
      await page.getByText("b.txt cannot be attached").waitFor();
      await give(app, "drop", { name: "c.png", type: "image/png", text: "\u0089PNG no" });
      await page.getByText("c.png cannot be attached").waitFor();
      const huge = `%PDF-1.7 ${"x".repeat(10 * 1024 * 1024)}`;
      await give(app, "drop", { ...PDF, text: huge });
      await page.getByText("it is larger than 10 MB").waitFor();
      assert.equal(await draft(app).count(), 0);
    }));

  it("is no picture of a table that is pasted as text", () =>
    withApp({}, async (app) => {
      await app.page.getByRole("button", { name: "Attach pictures" }).waitFor();
      const beside = { "text/plain": "1\t2", "text/html": "<table></table>" };
      await give(app, "paste", RED);
      await give(app, "paste", { ...RED, name: "table.png", picture: [9, 9], beside });
      await give(app, "paste", PDF);
      await app.page.getByRole("button", { name: "Remove plan.pdf" }).waitFor();
      assert.equal(await draft(app).count(), 2);
    }));

  it("is said not to be taken by the chosen model, before it is sent; the refusal gives it back", () =>
    withApp(
      {
        prepare(companion) {
          companion.models = [model("openai/blind", "Blind", { inputs: [] })];
        },
      },
      async (app) => {
        const { page, companion } = app;
        await page.getByRole("button", { name: "Attach pictures" }).waitFor();
        await give(app, "paste", RED);
        await page.getByText("Blind takes no pictures.").waitFor();
        const message = "The model openai/blind takes no pictures.";
        companion.refusals.push({ status: 400, code: "invalid_request", message });
        await app.send("Look");
        await page.getByText(message).waitFor();
        await page.getByRole("button", { name: "Back to the draft" }).click();
        await isDrawn(app, ".composer");
      },
    ));

  it("is said to be lost with a reload when there was no room to keep it", () =>
    withApp({}, async (app) => {
      const { page } = app;
      await page.getByRole("button", { name: "Attach pictures" }).waitFor();
      await page.evaluate(() => {
        const piece = "x".repeat(100_000);
        for (let number = 0; number < 100; number += 1) {
          try {
            sessionStorage.setItem(`filler ${number}`, piece);
          } catch {
            break;
          }
        }
      });
      await give(app, "paste", { ...PDF, text: `%PDF-1.7 ${"y".repeat(120_000)}` });
      await page.getByText("would not survive a reload").waitFor();
      await page.evaluate(() => sessionStorage.removeItem("filler 0"));
      await page.getByLabel("Your message").fill("Keep this");
      await app.reload();
      await page.getByText("plan.pdf was lost with a reload").waitFor();
    }));

  it("counts in the context", () =>
    withApp(
      {
        prepare(companion) {
          companion.models = [model("openai/small", "Small", { context_window: 2_000 })];
        },
      },
      async (app) => {
        await app.page.getByRole("button", { name: "Attach pictures" }).waitFor();
        assert.equal(await app.page.locator("meter").count(), 0);
        await give(app, "paste", RED);
        await app.page.getByText("About 80 % full").waitFor();
      },
    ));

  it("can be seen, read and used by everybody", () =>
    withApp({ host: "vscode", width: 300 }, async (app) => {
      const { page, companion } = app;
      companion.models = [model("openai/blind", "Blind", { inputs: [] })];
      await app.reload();
      await page.getByRole("button", { name: "Attach pictures" }).waitFor();
      await give(app, "paste", RED, PDF);
      await draft(app).nth(1).waitFor();
      await app.send("Look");
      await isStored(app, 2);
      companion.done(only(app), only(app).turn?.id ?? "");
      await give(app, "paste", RED, PDF);
      await page.getByText("Blind takes no pictures.").waitFor();
      await inEveryTheme(page, async (theme) => {
        assert.deepEqual(await findings(page), [], theme);
      });
      await page.getByRole("button", { name: "red.png: show larger" }).click();
      await page.getByRole("dialog").getByRole("img").waitFor();
      assert.deepEqual(await findings(page), []);
    }));

  it("is saved by the editor, which asks where to", () =>
    withApp({ host: "vscode" }, async (app) => {
      const { page } = app;
      await page.getByRole("button", { name: "Attach pictures" }).waitFor();
      await give(app, "drop", PDF);
      await draft(app).first().waitFor();
      await app.send("Read");
      await page.getByRole("button", { name: "plan.pdf: save" }).click();
      await page.waitForFunction(() => true);
      const asked = app.posted.find((one) => one.type === "host_command");
      assert.ok(asked?.type === "host_command" && asked.command === "save_attachment");
      assert.equal(asked.name, "plan.pdf");
    }));

  it("is saved by a browser", () =>
    withApp({}, async (app) => {
      const { page } = app;
      await page.getByRole("button", { name: "Attach pictures" }).waitFor();
      await give(app, "drop", PDF);
      await draft(app).first().waitFor();
      await app.send("Read");
      const saving = page.waitForEvent("download");
      await page.getByRole("button", { name: "plan.pdf: save" }).click();
      assert.equal((await saving).suggestedFilename(), "plan.pdf");
    }));
});

function pngSides(data: string | undefined): [number, number] {
  const bytes = Buffer.from(data ?? "", "base64");
  return [bytes.readUInt32BE(16), bytes.readUInt32BE(20)];
}
