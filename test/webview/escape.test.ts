// Everywhere Escape can be pressed while an answer runs: it leaves what is open, and only that.
import assert from "node:assert/strict";
import { ask, closeBrowser, HOSTS, type OpenApp, withApp } from "./support/with-app.ts";

after(closeBrowser);

const composer = ({ page }: OpenApp) => page.getByLabel("Your message");
const openList = async ({ page }: OpenApp): Promise<void> => {
  await page.getByRole("button", { name: "Chats" }).click();
  await page.getByLabel("Search chats").and(page.locator(":focus")).waitFor();
};
const gone = ({ page }: OpenApp, selector: string) =>
  page.locator(selector).waitFor({ state: "detached" });

/** A call that waits for a person, in the turn that runs. */
async function askToRun(app: OpenApp): Promise<void> {
  const [session] = app.companion.sessions.values();
  assert.ok(session);
  const waiting_for = [{ kind: "tool_decision", call_id: "c1" }];
  app.companion.say(
    session,
    session.turn?.id,
    {
      type: "tool_call",
      call_id: "c1",
      tool_name: "execute_command",
      arguments: { command: "ls" },
      requires_approval: true,
      metadata: { kind: "execute" },
    },
    { type: "status", metadata: { state: "waiting", waiting_for } },
  );
  await app.page.getByRole("button", { name: "Approve" }).waitFor();
}

interface Place {
  where: string;
  host?: "browser" | "vscode";
  /** Brings the focus there. */
  open: (app: OpenApp) => Promise<void>;
  /** What one Escape has made of it. */
  left: (app: OpenApp) => Promise<void>;
}

const PLACES: readonly Place[] = [
  {
    where: "the search of the list of chats",
    open: openList,
    left: (app) => gone(app, ".sessions"),
  },
  {
    where: "the search, with words in it",
    async open(app) {
      await openList(app);
      await app.page.keyboard.type("count");
    },
    left: (app) => gone(app, ".sessions"),
  },
  {
    where: "the composer beside the open list of chats",
    async open(app) {
      await openList(app);
      await composer(app).focus();
    },
    left: (app) => gone(app, ".sessions"),
  },
  {
    where: "nothing beside the open list of chats",
    async open(app) {
      await openList(app);
      await app.page.evaluate(() => (document.activeElement as HTMLElement).blur());
    },
    left: (app) => gone(app, ".sessions"),
  },
  {
    where: "the field for a chat's name",
    async open(app) {
      await openList(app);
      await app.page.getByRole("button", { name: /^Rename “/ }).press("Enter");
      await app.page.getByLabel("Title of the chat").fill("Another");
    },
    async left(app) {
      await gone(app, ".rename");
      await app.page.getByLabel("Search chats").waitFor();
      await app.page.getByText("Another").waitFor({ state: "detached" });
      await app.page.locator('.session-actions button[aria-label^="Rename"]:focus').waitFor();
    },
  },
  {
    where: "the question whether to delete a chat",
    async open(app) {
      await openList(app);
      await app.page.getByRole("button", { name: /^Delete “/ }).press("Enter");
      await app.page.locator("dialog :focus").waitFor();
    },
    async left(app) {
      await gone(app, "dialog");
      await app.page.locator('.session-actions button[aria-label^="Delete"]:focus').waitFor();
    },
  },
  {
    where: "nothing in front of the question whether to delete a chat",
    async open(app) {
      await openList(app);
      await app.page.getByRole("button", { name: /^Delete “/ }).press("Enter");
      await app.page.locator("dialog :focus").waitFor();
      await app.page.evaluate(() => (document.activeElement as HTMLElement).blur());
    },
    left: (app) => gone(app, "dialog"),
  },
  {
    where: "the question whether to open a link",
    host: "browser",
    async open(app) {
      const [session] = app.companion.sessions.values();
      assert.ok(session);
      app.companion.stream(session, session.turn?.id ?? "", "[here](https://example.com/)\n\n");
      await app.page.getByRole("link", { name: "here" }).click();
      await app.page.locator("dialog").waitFor();
    },
    left: (app) => gone(app, "dialog"),
  },
  {
    where: "the list of agents",
    async open(app) {
      await composer(app).pressSequentially("/");
      await app.page.locator("#mentions").getByText("/coder").waitFor();
    },
    async left(app) {
      await gone(app, "#mentions");
      assert.equal(await composer(app).inputValue(), "/");
    },
  },
  {
    where: "the list of agents that is on its way",
    async open(app) {
      await app.page.route("**/mention-list.js", async (route) => {
        await new Promise((resolve) => setTimeout(resolve, 300));
        await route.continue();
      });
      await composer(app).pressSequentially("/");
    },
    async left(app) {
      await app.page.waitForTimeout(500);
      assert.equal(await app.page.locator("#mentions").count(), 0);
    },
  },
  {
    where: "the list of what can be mentioned",
    host: "vscode",
    async open(app) {
      await composer(app).pressSequentially("see @");
      await app.page.locator("#mentions").getByText("@file").waitFor();
    },
    left: (app) => gone(app, "#mentions"),
  },
  {
    where: "a character that is being put together",
    async open(app) {
      await composer(app).focus();
      const client = await app.page.context().newCDPSession(app.page);
      await client.send("Input.imeSetComposition", {
        text: "か",
        selectionStart: 1,
        selectionEnd: 1,
      });
      // Its input method has the key: Chromium says 229 and that it composes.
      await app.page.evaluate(() => {
        const init = { key: "Escape", keyCode: 229, bubbles: true, cancelable: true };
        document.activeElement?.dispatchEvent(new KeyboardEvent("keydown", init));
        const composing = { ...init, keyCode: 27, isComposing: true };
        document.activeElement?.dispatchEvent(new KeyboardEvent("keydown", composing));
      });
      await client.send("Input.imeSetComposition", {
        text: "",
        selectionStart: 0,
        selectionEnd: 0,
      });
      await openList(app);
    },
    left: (app) => gone(app, ".sessions"),
  },
  {
    where: "the choice of the agent",
    async open(app) {
      await app.page.getByLabel("Agent").focus();
    },
    async left(app) {
      await app.page.locator("select:focus").waitFor();
    },
  },
  {
    where: "a button of the head",
    async open(app) {
      await app.page.getByRole("button", { name: "Chats" }).focus();
    },
    async left() {},
  },
  {
    where: "the buttons of a call that waits",
    async open(app) {
      await askToRun(app);
      await app.page.getByRole("button", { name: "Approve" }).focus();
    },
    async left(app) {
      await composer(app).and(app.page.locator(":focus")).waitFor();
      await app.page.getByRole("button", { name: "Approve" }).waitFor();
    },
  },
  {
    where: "the reason for a no",
    async open(app) {
      await askToRun(app);
      await app.page.getByLabel("Why not?").fill("too risky");
    },
    async left(app) {
      await composer(app).and(app.page.locator(":focus")).waitFor();
      assert.equal(await app.page.getByLabel("Why not?").inputValue(), "too risky");
    },
  },
  {
    where: "arguments that are being edited",
    async open(app) {
      await askToRun(app);
      await app.page.getByRole("button", { name: "Edit", exact: true }).click();
      await app.page.getByRole("textbox", { name: "Arguments" }).fill('{"command": "pwd"}');
    },
    async left(app) {
      await gone(app, ".arguments-field");
      await app.page
        .getByRole("button", { name: "Edit", exact: true })
        .and(app.page.locator(":focus"))
        .waitFor();
    },
  },
  {
    where: "the composer while arguments are being edited",
    async open(app) {
      await askToRun(app);
      await app.page.getByRole("button", { name: "Edit", exact: true }).click();
      await app.page.getByRole("textbox", { name: "Arguments" }).fill('{"command": "pwd"}');
      await composer(app).focus();
    },
    async left(app) {
      const field = app.page.getByRole("textbox", { name: "Arguments" });
      await field.and(app.page.locator(":focus")).waitFor();
      assert.equal(await field.inputValue(), '{"command": "pwd"}');
    },
  },
];

for (const host of HOSTS) {
  describe(`Escape while an answer runs, in ${host === "vscode" ? "VS Code's webview" : "a browser"}`, () => {
    const stops = ({ companion }: OpenApp): number =>
      companion.requests.filter(({ line }) => line.endsWith("/cancel")).length;
    const running = async (app: OpenApp): Promise<void> => {
      // Whoever stops asks the companion at once.
      await app.page.waitForTimeout(50);
      assert.equal(stops(app), 0, "the answer was stopped");
    };

    for (const place of PLACES.filter((one) => one.host === undefined || one.host === host)) {
      it(`leaves ${place.where}, and the answer goes on`, () =>
        withApp({ host }, async (app) => {
          await ask(app, "Count");
          await place.open(app);
          await app.page.keyboard.press("Escape");
          await place.left(app);
          await running(app);
        }));
    }

    it("does not go on from what it has closed to the answer while it is held down", () =>
      withApp({ host }, async (app) => {
        await ask(app, "Count");
        await openList(app);
        await app.page.keyboard.down("Escape");
        await gone(app, ".sessions");
        for (let repeated = 0; repeated < 3; repeated += 1) await app.page.keyboard.down("Escape");
        await app.page.keyboard.up("Escape");
        await running(app);
      }));

    for (const key of ["Shift+Escape", "Control+Escape", "Alt+Escape"]) {
      it(`leaves ${key} to whom it belongs`, () =>
        withApp({ host }, async (app) => {
          await ask(app, "Count");
          await composer(app).press(key);
          await running(app);
        }));
    }

    for (const [where, selector] of [
      ["composer", "#composer-input"],
      ["conversation", ".transcript"],
      ["conversation, at a message", ".question"],
    ] as const) {
      it(`stops the answer in the ${where} with nothing open`, () =>
        withApp({ host }, async (app) => {
          await ask(app, "Count");
          await app.page.locator(selector).focus();
          await app.page.keyboard.press("Escape");
          await app.page.getByText("Stopped. What had arrived is kept.").waitFor();
          assert.equal(stops(app), 1);
        }));
    }
  });
}
