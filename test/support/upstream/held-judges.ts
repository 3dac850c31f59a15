// The vendors' official clients read what our stand-in of a vendor that holds answers sends:
// half of it, then the rest.
import { GoogleGenAI } from "@google/genai";
import OpenAI from "openai";
import { FAKE_MODEL } from "./start-upstream.ts";

const KEY = "test-key-1234567890";
const QUESTION = "hello";
/** Events; in the middle of the words. */
const HALF = 15;

/** The text, by the vendor's name. */
export const HELD_JUDGES: Readonly<Record<string, (origin: string) => Promise<string>>> = {
  async openai(origin) {
    const client = new OpenAI({ apiKey: KEY, baseURL: `${origin}/v1`, maxRetries: 0 });
    let text = "";
    let id = "";
    let after = -1;
    const take = (event: OpenAI.Responses.ResponseStreamEvent): void => {
      after = event.sequence_number;
      if (event.type === "response.created") id = event.response.id;
      if (event.type === "response.output_text.delta") text += event.delta;
    };
    const request = { model: FAKE_MODEL, input: QUESTION, background: true, store: true } as const;
    for await (const event of await client.responses.create({ ...request, stream: true })) {
      take(event);
      if (after === HALF) break;
    }
    const rest = { stream: true, starting_after: after } as const;
    for await (const event of await client.responses.retrieve(id, rest)) take(event);
    return text;
  },
  async google(origin) {
    const client = new GoogleGenAI({ apiKey: KEY, httpOptions: { baseUrl: origin } });
    let text = "";
    let id = "";
    let last_event_id: string | undefined;
    let events = 0;
    const take = (event: GoogleEvent): void => {
      last_event_id = event.event_id;
      events += 1;
      if (event.event_type === "interaction.created") id = event.interaction.id;
      if (event.event_type === "step.delta" && event.delta.type === "text") {
        text += event.delta.text;
      }
    };
    const request = { model: FAKE_MODEL, input: QUESTION, background: true, store: true } as const;
    for await (const event of await client.interactions.create({ ...request, stream: true })) {
      take(event);
      if (events === HALF) break;
    }
    const rest = { stream: true, last_event_id } as const;
    for await (const event of await client.interactions.get(id, rest)) take(event);
    return text;
  },
};

type GoogleStream = Awaited<ReturnType<typeof streamOf>>;
type GoogleEvent = GoogleStream extends AsyncIterable<infer Event> ? Event : never;
const streamOf = (client: GoogleGenAI) => client.interactions.get("", { stream: true });
