import type { Reader } from "../../db/tables/schema.ts";
import { findWrongMessages } from "./compare-messages.ts";
import { findWrongVersions } from "./compare-versions.ts";
import {
  countUnsearchable,
  type Engine,
  findDangling,
  findGaps,
  findLostMessages,
  findOrphans,
  findRunning,
  findSentTwice,
  findShortCursors,
  findStray,
  findStuck,
  findUnended,
  findUnreadable,
} from "./find-faults.ts";
import { type Check, counted, type Finding } from "./report.ts";

const REPAIR = "`--repair`";

/** What is wrong with the chats in a database whose pages are whole. */
export async function checkChats(
  reader: Reader,
  engine: Engine,
  companionRuns: boolean,
): Promise<Finding[]> {
  const orphans = await findOrphans(reader);
  const gaps = await findGaps(reader, engine);
  const unread = await findUnreadable(reader, engine);
  const numbers = gaps.reduce((sum, gap) => sum + gap.to_seq - gap.from_seq + 1, unread.length);
  const cursors = (await findShortCursors(reader, engine)).length;
  const running = await findRunning(reader);
  const unowned = companionRuns ? running.filter(({ leased }) => !leased).length : 0;
  const cutOff = companionRuns ? 0 : running.length;
  const stuck = (await findStuck(reader)).length + unowned;
  // Those whose end is in a gap get it with that.
  const unended = gaps.length + unread.length > 0 ? 0 : (await findUnended(reader)).length;
  const dangling = (await findDangling(reader)).length;
  const twice = (await findSentTwice(reader)).length;
  const answers = await findWrongMessages(reader);
  const different = answers.filter((one) => one.is === "different").length;
  const lost = (await findLostMessages(reader)).length + answers.length - different;
  const versions = (await findWrongVersions(reader)).length;
  const unsearchable = await countUnsearchable(reader, engine);
  const lone = orphans.sessions.length + orphans.turns.length;
  const stray = (await findStray(reader, engine)).length;
  const sessions = new Set([...gaps, ...unread].map(({ session_id }) => session_id)).size;
  return [
    ...problem("orphans", lone, {
      what: `Rows of ${counted(orphans.sessions.length, "session")} and ${counted(orphans.turns.length, "turn")} are there without the row they belong to.`,
      what_to_do: `${REPAIR} makes that row anew, so that they are seen again.`,
    }),
    ...problem("orphans", stray, {
      what: `${counted(stray, "row")} of bookkeeping belongs to nothing any more.`,
      what_to_do: `${REPAIR} removes them; there are no words in them.`,
    }),
    ...problem("log", numbers, {
      what: `${counted(numbers, "chunk")} of ${counted(sessions, "session")} cannot be read any more.`,
      what_to_do: `${REPAIR} puts in their place what the messages still say, and marks the rest as lost.`,
    }),
    ...problem("log", cursors, {
      what: `${counted(cursors, "session")} would number new chunks like old ones.`,
      what_to_do: `${REPAIR} counts on from the newest chunk.`,
    }),
    ...problem("turns", stuck, {
      what: `${counted(stuck, "turn")} can neither go on nor end.`,
      what_to_do: `${REPAIR} ends them as interrupted and keeps their words.`,
    }),
    ...problem("turns", unended, {
      what: `The log of ${counted(unended, "turn")} does not say that it has ended.`,
      what_to_do: `${REPAIR} adds that.`,
    }),
    ...(cutOff === 0
      ? []
      : [
          {
            check: "turns",
            severity: "note",
            what: `${counted(cutOff, "turn")} was cut off when the companion went away; the next start ends it as interrupted and keeps its words.`,
          } as const,
        ]),
    ...problem("calls", dangling, {
      what: `${counted(dangling, "tool call")} waits for an answer though its turn has ended.`,
      what_to_do: `${REPAIR} closes them.`,
    }),
    ...problem("messages", twice, {
      what: `${counted(twice, "message")} that was sent still waits, and would be sent again.`,
      what_to_do: `${REPAIR} lets it wait no more; it stays in its chat.`,
    }),
    ...problem("messages", lost, {
      what: `${counted(lost, "message")} is in the log and missing in the conversation that models are told.`,
      what_to_do: `${REPAIR} takes it from the log.`,
    }),
    // With holes in the log nobody can say what was said.
    ...problem("messages", gaps.length + unread.length > 0 ? 0 : different, {
      what: `${counted(different, "message")} says something else than what was shown: models are told other words.`,
      what_to_do: `${REPAIR} lets it say what the log says.`,
    }),
    ...problem("versions", gaps.length + unread.length > 0 ? 0 : versions, {
      what: `Of ${counted(versions, "chat")} models are told another version than is shown.`,
      what_to_do: `${REPAIR} lets them be told what is shown.`,
    }),
    ...problem("search_index", unsearchable, {
      what: `The index of the search is out of step by ${counted(unsearchable, "message")}.`,
      what_to_do: `${REPAIR} builds it anew.`,
    }),
  ];
}

function problem(
  check: Check,
  count: number,
  words: Pick<Finding, "what" | "what_to_do">,
): Finding[] {
  return count === 0 ? [] : [{ check, severity: "problem", ...words }];
}
