import assert from "node:assert/strict";
import fc from "fast-check";
import { replayVersions, toVersionChange } from "../../../server/domain/replay-versions.ts";
import type { StreamChunk } from "../../../server/protocol/chunks.ts";
import { versionsAt } from "../../../server/shared/versions.ts";
import { emptyLog, type SessionLog } from "../../../webview/turns/model.ts";
import { takeChunks } from "../../../webview/turns/turns.ts";
import { type AnyChunk, placed } from "../../support/any-chunk.ts";

const SESSION = "s1";

/** What people do to a chat; `at` picks one of the turns that it may be done to. */
type Act = { does: "ask" | "switch_agent" } | { does: "edit" | "rewind" | "choose"; at: number };

const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 3, arbitrary: fc.constant<Act>({ does: "ask" }) },
  { weight: 1, arbitrary: fc.constant<Act>({ does: "switch_agent" }) },
  {
    weight: 6,
    arbitrary: fc.record({
      does: fc.constantFrom("edit" as const, "rewind" as const, "choose" as const),
      at: fc.nat(30),
    }),
  },
);
const acts = fc.array(act, { maxLength: 30 });

/** A tree told in the plainest way: each turn knows its parent, each place its last choice. */
interface Tree {
  parent: Map<string, string | null>;
  next: Map<string | null, string | null>;
}

function pathOf({ next }: Tree): string[] {
  const path: string[] = [];
  for (let at = next.get(null); at; at = next.get(at)) path.push(at);
  return path;
}

interface Played {
  log: StreamChunk[];
  rows: { id: string; after_seq: number }[];
  tree: Tree;
}

function play(all: readonly Act[]): Played {
  const tree: Tree = { parent: new Map(), next: new Map() };
  const log: StreamChunk[] = [];
  const rows: Played["rows"] = [];
  const say = (turn_id: string, ...chunks: AnyChunk[]): void => {
    if (!rows.some(({ id }) => id === turn_id)) rows.push({ id: turn_id, after_seq: log.length });
    for (const chunk of chunks) {
      log.push(placed(chunk, { turn_id, seq: log.length + 1, session_id: SESSION }));
    }
  };
  const done: AnyChunk = { type: "done", metadata: { model: "m" } };
  const hang = (id: string, parent: string | null): void => {
    tree.parent.set(id, parent);
    tree.next.set(parent, id);
  };
  for (const [index, one] of all.entries()) {
    const id = `t${index}`;
    const path = pathOf(tree);
    const pick = (from: readonly string[]) =>
      "at" in one ? from[one.at % from.length] : undefined;
    switch (one.does) {
      case "ask":
        say(id, { type: "user_message", content: id }, done);
        hang(id, path.at(-1) ?? null);
        break;
      case "switch_agent":
        say(id, { type: "agent_switched", metadata: { to_agent: "coder" } }, done);
        hang(id, path.at(-1) ?? null);
        break;
      case "edit": {
        const gone = pick(path);
        if (gone === undefined) break;
        const metadata = { replaces_turn_id: gone };
        say(id, { type: "user_message", content: id, metadata }, done);
        hang(id, tree.parent.get(gone) ?? null);
        break;
      }
      case "rewind": {
        const gone = pick(path);
        if (gone === undefined) break;
        const metadata = { state: "rewound", replaces_turn_id: gone } as const;
        say(id, { type: "status", metadata }, done);
        tree.next.set(tree.parent.get(gone) ?? null, null);
        break;
      }
      case "choose": {
        const chosen = pick([...tree.parent.keys()]);
        if (chosen === undefined || path.includes(chosen)) break;
        const metadata = { state: "version_chosen", chosen_turn_id: chosen } as const;
        say(id, { type: "status", metadata }, done);
        for (let at = chosen; ; ) {
          const parent = tree.parent.get(at) ?? null;
          tree.next.set(parent, at);
          if (parent === null) break;
          at = parent;
        }
      }
    }
  }
  return { log, rows, tree };
}

function serverSide({ log, rows }: Pick<Played, "log" | "rows">) {
  const changes = log.flatMap(
    ({ seq, turn_id = null, type, metadata }) =>
      toVersionChange({ seq, turn_id, type, metadata }) ?? [],
  );
  return replayVersions(rows, changes);
}

const shownBy = ({ turns }: SessionLog) => turns.map(({ id }) => id);
const read = (log: readonly StreamChunk[]) => takeChunks(emptyLog(SESSION), log);

describe("versions of a chat", () => {
  it("are the same on the screen and in what the model is told, as a tree would have them", () => {
    fc.assert(
      fc.property(acts, (all) => {
        const played = play(all);
        const path = pathOf(played.tree);
        assert.deepEqual(shownBy(read(played.log)), path);
        const { versions, hiddenBy } = serverSide(played);
        assert.deepEqual(
          versions.turns.map(({ id }) => id),
          path,
        );
        const hidden = [...played.tree.parent.keys()].filter((id) => !path.includes(id));
        for (const id of hidden) assert.ok(hiddenBy.has(id), id);
        for (const id of path) assert.ok(!hiddenBy.has(id), id);
      }),
    );
  });

  it("keep every turn, in the conversation or beside it", () => {
    fc.assert(
      fc.property(acts, (all) => {
        const { log, tree } = play(all);
        const { turns, others } = read(log);
        const kept = [...turns, ...others.flatMap((branch) => branch.turns)].map(({ id }) => id);
        assert.deepEqual(kept.toSorted(), [...tree.parent.keys()].toSorted());
        assert.ok(others.every((branch) => branch.turns.length > 0));
      }),
    );
  });

  it("are counted where they are: what follows the same message, the oldest first", () => {
    fc.assert(
      fc.property(acts, (all) => {
        const { log, tree } = play(all);
        const state = read(log);
        const isAsked = (id: string) => all[Number(id.slice(1))]?.does !== "switch_agent";
        /** The message it follows, over switches of the agent. */
        const place = (id: string): string | null => {
          const parent = tree.parent.get(id) ?? null;
          return parent === null || isAsked(parent) ? parent : place(parent);
        };
        for (const [index, turn] of state.turns.entries()) {
          const found = versionsAt(state, index, ({ question }) => question !== null);
          const wanted = isAsked(turn.id)
            ? [...tree.parent.keys()].filter((id) => isAsked(id) && place(id) === place(turn.id))
            : [];
          assert.deepEqual(found, wanted);
        }
      }),
    );
  });

  it("are what they were then where a log is cut", () => {
    fc.assert(
      fc.property(acts, fc.nat(60), (all, end) => {
        const { log, rows } = play(all);
        const cut = log.slice(0, end);
        const begun = rows.filter(({ after_seq }) => after_seq < cut.length);
        const { versions } = serverSide({ log: cut, rows: begun });
        assert.deepEqual(
          versions.turns.map(({ id }) => id),
          shownBy(read(cut)),
        );
      }),
    );
  });

  it("survive logs that name what is not there, or has left before", () => {
    const any = fc.array(
      fc.tuple(fc.constantFrom("user_message", "rewound", "version_chosen"), fc.nat(12)),
      { maxLength: 12 },
    );
    fc.assert(
      fc.property(any, (said) => {
        const log = said.map(([what, at], index): StreamChunk => {
          const named = what === "version_chosen" ? "chosen_turn_id" : "replaces_turn_id";
          const metadata = {
            [named]: `t${at}`,
            ...(what === "user_message" ? {} : { state: what }),
          };
          const type: AnyChunk["type"] = what === "user_message" ? what : "status";
          const where = { turn_id: `t${index}`, seq: index + 1, session_id: SESSION };
          return placed({ type, content: "q", metadata }, where);
        });
        const rows = log.map(({ turn_id = "" }, index) => ({ id: turn_id, after_seq: index }));
        const { versions, hiddenBy } = serverSide({ log, rows });
        assert.deepEqual(
          versions.turns.map(({ id }) => id),
          shownBy(read(log)),
        );
        for (const { id } of versions.turns) assert.ok(!hiddenBy.has(id));
      }),
    );
  });
});
