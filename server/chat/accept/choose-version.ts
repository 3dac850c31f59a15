import { v7 as uuid } from "uuid";
import { insertRequest } from "../../db/tables/requests.ts";
import type { Reader } from "../../db/tables/schema.ts";
import { changeSession, findSession } from "../../db/tables/sessions.ts";
import { endTurn, insertTurn } from "../../db/tables/turns.ts";
import { askedTurns, showTurns, versionChanged } from "../../db/tables/versions.ts";
import { ChatError } from "../../errors.ts";
import type { Session, VersionList } from "../../protocol/responses.ts";
import type { ChooseVersionRequest } from "../../protocol/served-requests.ts";
import { findTurn, versionsAt, withVersion } from "../../shared/versions.ts";
import type { ChatDeps } from "../deps.ts";
import { askedFor, storedRepeat } from "../log/asked.ts";
import { readVersions } from "../log/read-versions.ts";
import { doneUnasked } from "../turn/prompt-messages.ts";
import { isBusy } from "./start-turn.ts";

/**
 * The conversation goes on with another version of a message: that turn, what it follows and what
 * followed it. Like a rewind this is a turn of its own, over at once; what was shown stays as a
 * version. Takes effect once. Rejects with `session_busy` while anything runs or waits,
 * `version_changed` where the chat shows another version than `instead_of`, `invalid_request`.
 */
export async function chooseVersion(
  deps: ChatDeps,
  sessionId: string,
  request: ChooseVersionRequest,
): Promise<Session> {
  deps.turns.refuseWhenDraining();
  const since = performance.now();
  const { turn_id: chosen, instead_of } = request;
  const body = ["choose_version", sessionId, chosen, instead_of ?? null];
  const asked = askedFor(request.request_id, body);
  return await deps.lock.with(sessionId, async () => {
    const turnId = uuid();
    const step = { operation: "choose_version", sessionId, turnId } as const;
    return await deps.write(step, async ({ trx, append, session }) => {
      if (asked && (await storedRepeat(trx, asked))) return await findSession(trx, sessionId);
      if (await isBusy(trx, sessionId)) throw busy();
      const { versions } = await readVersions(trx, sessionId);
      if (!findTurn(versions, chosen)) {
        throw new ChatError("invalid_request", "turn_id: no message of this session.");
      }
      const isShown = (id: string) => versions.turns.some((turn) => turn.id === id);
      const isThere = isShown(chosen);
      if (!isThere && instead_of !== undefined && !isShown(instead_of)) throw versionChanged();
      if (asked) {
        const turn_id = isThere ? null : turnId;
        await insertRequest(trx, { ...asked, session_id: sessionId, turn_id });
      }
      if (isThere) return await findSession(trx, sessionId);

      const { agent_type, last_seq } = session;
      const model = session.model ?? deps.resolveModel(null).id;
      const turn = { id: turnId, session_id: sessionId, agent_type, model };
      await insertTurn(trx, { ...turn, after_seq: last_seq });
      const shown = withVersion(versions, chosen).turns.map(({ id }) => id);
      await showTurns(trx, sessionId, shown, turnId);
      await changeSession(trx, sessionId, {});
      const done = await doneUnasked(trx, sessionId, { model, agent_type, since });
      const { context_tokens } = done.metadata;
      const metadata = { state: "version_chosen", chosen_turn_id: chosen, context_tokens } as const;
      await append([{ type: "status", metadata }, done]);
      await endTurn(trx, turnId, { status: "done" });
      return await findSession(trx, sessionId);
    });
  });
}

/** Where there is more than one version, in the order of the chat. Rejects with `not_found`. */
export async function listVersions(reader: Reader, sessionId: string): Promise<VersionList> {
  await findSession(reader, sessionId);
  const { versions } = await readVersions(reader, sessionId);
  const asked = await askedTurns(reader, sessionId);
  const ends = [...versions.turns.keys(), versions.turns.length];
  const messages = ends.flatMap((index) => {
    const turn_id = versions.turns[index]?.id ?? null;
    const turn_ids = versionsAt(versions, index, ({ id }) => asked.has(id));
    // Behind the last message there may be some that were taken back.
    return turn_ids.length > (turn_id === null ? 0 : 1)
      ? [{ turn_id, versions: [...turn_ids] }]
      : [];
  });
  return { messages };
}

function busy(): ChatError {
  return new ChatError(
    "session_busy",
    "An answer is being written here, or waits for you: another version cannot be chosen now.",
    {
      hint: "Wait for its end or stop it, then choose again. Nothing has changed.",
      retryAfterSeconds: 1,
    },
  );
}
