// A body of a model's answer through the readers, without a connection: pure, so that a
// fuzz test can try thousands.
import type { ThinkingPart } from "../../../server/protocol/stored/thinking.ts";
import type { FinishReason, ToolCall, Usage } from "../../../server/providers/provider.ts";
import type { VendorName } from "../../../server/providers/vendors.ts";
import { createDraft } from "../../../server/providers/wire/answer.ts";
import { createBodyReader } from "../../../server/providers/wire/body.ts";
import { formatOf } from "../../../server/providers/wire/formats/formats.ts";
import { record } from "../../../server/providers/wire/values.ts";
import { WEATHER } from "./collect.ts";

export interface Told {
  text: string;
  reasoning: string;
  calls: ToolCall[];
  thinking: ThinkingPart[];
  reason: FinishReason | undefined;
  isPaused: boolean;
  usage: Usage | undefined;
  failure: unknown;
  skipped: Record<string, number>;
}

/** As if each piece had come in a packet of its own. */
export function readBody(vendor: VendorName, pieces: readonly (string | Uint8Array)[]): Told {
  const format = formatOf(vendor);
  const draft = createDraft({ maxChars: 1_000_000, tools: format.writesCalls ? [WEATHER] : [] });
  const reader = format.createReader(draft);
  const told: Told = {
    text: "",
    reasoning: "",
    calls: [],
    thinking: [],
    reason: undefined,
    isPaused: false,
    usage: undefined,
    failure: undefined,
    skipped: {},
  };
  const take = (): void => {
    for (const event of draft.take()) {
      if (event.type === "text") told.text += event.text;
      else if (event.type === "reasoning") told.reasoning += event.text;
      else if (event.type === "thinking") told.thinking = event.parts;
      else if (event.type === "finish") {
        told.reason = event.reason;
        told.usage = event.usage;
      } else if (event.type === "tool_call") {
        const { type: _type, ...call } = event;
        told.calls.push(call);
      }
    }
  };
  let sawDone = false;
  const isOver = (): boolean => sawDone || draft.state.ended || draft.state.failure !== undefined;
  const body = createBodyReader(
    {
      event: (value, name) => {
        if (isOver()) return;
        const fields = record(value);
        if (fields) reader.event(fields, name);
        else draft.skip("unknown_event");
      },
      unreadable: (data) => draft.skip(data.trim() === "" ? "empty" : "not_json"),
      done: () => {
        sawDone = true;
      },
      tooLong: () => draft.fail("too long"),
    },
    { eventChars: 1_000_000, documentChars: 1_000_000 },
  );
  for (const piece of pieces) {
    body.write(Buffer.from(piece));
    take();
  }
  body.end();
  reader.end(sawDone);
  if (sawDone && draft.state.reason === undefined) draft.finish("other");
  draft.close();
  if (draft.state.reason !== undefined && !draft.state.failure) draft.conclude();
  take();
  const isPaused = reader.goOn?.({}) !== undefined;
  return {
    ...told,
    isPaused,
    failure: draft.state.failure?.said,
    skipped: { ...draft.state.skipped },
  };
}
