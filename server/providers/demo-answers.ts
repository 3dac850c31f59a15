// What the demo model says. Every answer says that it is the demo; nothing in it is
// made to look like thought.

export type DemoTopic =
  | "welcome"
  | "promise"
  | "code"
  | "table"
  | "plan"
  | "long"
  | "tool"
  | "agent";

/**
 * The first that fits decides; Russian words are here because the interface speaks Russian, too.
 */
const TOPICS: readonly [DemoTopic, RegExp][] = [
  ["agent", /switch(?:ing)?\s+(?:the\s+|to\s+)?(?:an?other\s+|an?\s+)?agent|another agent|агент/i],
  ["table", /\btables?\b|\bcompar|таблиц|сравн/i],
  ["plan", /\brefactor|\bsplit\b|\bplan\b|рефактор|раздел|\bплан/i],
  ["tool", /\btools?\b|инструмент/i],
  ["long", /\blong(?:er)?\b|длинн/i],
  ["code", /\bcode\b|\bfunction\b|\bexample\b|\bsnippet\b|\bscript\b|debounc|код|функци|пример/i],
  ["promise", /\bcommit|\bpromise|\bsaved?\b|\blos[et]\b|\bresume|\breload|коммит|обещан|сохран/i],
];

export function topicOf(question: string): DemoTopic {
  return TOPICS.find(([, pattern]) => pattern.test(question))?.[0] ?? "welcome";
}

type DemoAnswer = (question: string) => string;

export const DEMO_ANSWERS: Record<DemoTopic | "after_tool" | "after_switch", DemoAnswer> = {
  welcome: () => WELCOME,
  promise: () => PROMISE,
  code: () => CODE,
  table: () => TABLE,
  plan: () => PLAN,
  long: () => LONG,
  tool: () =>
    "This is the **demo model**. It does not think, but it can show how a tool call goes: it now asks " +
    "to count the words of your message. Nothing runs before you allow it.\n",
  after_tool: (result) =>
    `The tool answered: **${firstLine(result)}**\n\n` +
    "The call, your decision and this result are each committed, so none of them is lost or done twice, " +
    "whatever is closed or killed in between. This was the **demo model**; " +
    "*Streamkeeper: Choose model* has the real ones.\n",
  agent: () =>
    "This is the **demo model**. It only plays a part, but the switch of the agent is real: " +
    "it is one committed step of this session.\n\n",
  after_switch: () =>
    "The **Coder** agent goes on from here, with the same history. A real model gets that agent's " +
    "instructions at its next turn. You can switch back at any time.\n",
};

function firstLine(text: string): string {
  return (text.split("\n", 1)[0] ?? "").slice(0, 200);
}

const ADD_A_MODEL = `### Add a real model

1. In VS Code, run **Streamkeeper: Set API key**, then **Streamkeeper: Choose model**.
2. In a terminal, set a key and name a model before the start:

\`\`\`bash
export ANTHROPIC_API_KEY=…            # or OPENAI_API_KEY, GOOGLE_GENERATIVE_AI_API_KEY
npm start -- --model anthropic/claude-sonnet-5-5
\`\`\`

3. A model on this machine needs no key: start Ollama or LM Studio, and it is offered in the list of models.
`;

const WELCOME = `## Hello from the demo model

I am the **built-in demo**: I work offline, I answer from a script, and I do not understand what you write. Yet everything around me is real: each piece of this answer was *committed to the database before you saw it*.

Ask me for one of these:

- **explain the commit promise**: what is saved, and when
- **show some code**, **show a table** or **make a plan**: how answers look
- **a long answer**: time enough to reload the window in the middle of it
- **use a tool** or **switch agent**: how such a step looks

${ADD_A_MODEL}`;

const PROMISE = `## What you saw is saved

*(This is the demo model; the text is a script, the promise is the program's.)*

A chat usually sends words to the screen first and stores them at the end, if the end ever comes. Streamkeeper turns this round:

1. A piece of the answer arrives from the model.
2. It is **committed** to the database, together with its number in the session.
3. Only then is it **shown**, to every window that looks on.

So the answer goes on, or is found again to the last shown word, after:

| What happens | What you find |
|---|---|
| The panel is hidden or the window reloaded | The same answer, still running |
| The editor or the companion is killed | Everything that was shown, marked as interrupted |
| The disk is full, the database is away | A clear error instead of words that are not saved |

> A piece that cannot be committed is never shown.

The number in the status bar is the time such a commit takes, measured live.

### Try it

Ask for **a long answer** and reload the window in the middle of it.
`;

const CODE = `## Code: a typed debounce

*(This is the demo model: a script that was written beforehand, not an answer to your words.)*

Debouncing waits until calls have **stopped** for a while and then makes one call, with the last arguments. It suits work that only the final state needs: a search while someone types, a layout after a resize.

\`\`\`typescript
interface Debounced<Args extends unknown[]> {
  (...args: Args): void;
  /** Forgets the call that waits. */
  cancel(): void;
}

export function debounce<Args extends unknown[]>(
  run: (...args: Args) => void,
  waitMs: number,
): Debounced<Args> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const debounced = (...args: Args): void => {
    clearTimeout(timer);
    timer = setTimeout(run, waitMs, ...args);
  };
  return Object.assign(debounced, { cancel: () => clearTimeout(timer) });
}
\`\`\`

Use it like this:

\`\`\`typescript
const search = debounce((query: string) => console.log("searching for", query), 250);

search("s");
search("st");
search("str"); // only this one runs, 250 ms later
\`\`\`

- Each block has buttons to copy it and to put it at the cursor.
- Call \`search.cancel()\` when the input goes away, or the last call still comes.
`;

const TABLE = `## A table: SQLite and Postgres for a local program

*(This is the demo model: a script that was written beforehand, not an answer to your words.)*

| | SQLite | Postgres |
|:---|:---|:---|
| Runs as | a library in your process | a server of its own |
| To set up | nothing: one file | install, start, make a user and a database |
| Writers at a time | one; readers go on (WAL) | many |
| A backup | copy through the backup API | \`pg_dump\`, or replication |
| Several machines | no | yes |
| Survives a power cut | yes, with \`synchronous=FULL\` | yes, by default |
| Streamkeeper uses it | by default | with \`--database postgres://…\` |

**In short:** SQLite for one machine and one user, Postgres as soon as several machines share the data.
`;

const PLAN = `## A plan: splitting a large module

*(This is the demo model: a script that was written beforehand, not an answer to your words.)*

1. **Pin what it does.** Write tests at its public functions, before any move.
2. **Draw what calls what.** Functions that share state belong together; the rest comes apart easily.
3. **Move the leaves first.** Take what depends on nothing into a file of its own, a few functions at a time.
4. **Keep the old door open.** The old file exports the moved names again, so that no user has to change yet:

   \`\`\`typescript
   // big-module.ts
   export { parseLine, parseFile } from "./parse.ts";
   \`\`\`

5. **Move the users**, one directory after another, then close the old door.
6. **Hold the line** with a test that limits the size of files.

> Each step is small enough to be reviewed at a glance and taken back alone.
`;

const LONG_PARTS = 50;
const LONG_TEXTS = [
  "A long answer is the best moment to try what this program promises. Reload the window now, or hide the panel, or close the editor. The answer does not belong to the window that shows it: it belongs to the companion, a small server on this machine that goes on while nobody looks.",
  "Each piece of this text has a number. The numbers of a session count one, two, three, without a gap. A window that comes back says which number it saw last and gets the next one. It can therefore neither miss a word nor read one twice, and two windows always show the same text.",
  "Before a piece gets to any window it is committed. A commit is the moment from which a database keeps a change even if the program dies in the next instant. What you read has already passed that moment. What has not passed it yet, you have not read yet.",
  "This sounds slow, but it is not. While one commit is under way, the pieces that arrive gather and go into the next one together. Nobody waits for a timer. With a single chat the delay is a few thousandths of a second, which is far less than the pause between two words.",
  "If the disk is full, the program does not pretend. It stops the answer with an error that says what was kept and what to do. When there is space again, the conversation goes on from the last saved word. Nothing that was shown has to be taken back.",
  "If the companion itself is killed, even by force, the next start finds the turn that was running, marks it as interrupted and keeps its partial answer. The history stays in order, so that the next message is accepted by any model, and you decide whether the answer should be tried again.",
  "Several windows may look at one session. One of them writes, all of them watch. A message that is sent twice because the network hiccuped takes effect once, since it carries a number of its own and the stored outcome is given to the second caller.",
  "The time of the commits stands in the status bar. It is not a decoration: it is read from the same metrics page that a monitoring system reads. If the disk becomes slow, you see it there first, and a click shows which step took the time.",
  "Stop works in the same honest way. The words that have arrived stay, the turn is marked as stopped, and the connection to the model is closed, so that no more tokens are paid for. A retry writes a new answer and leaves the old one in the log.",
  "And all this text is a script. The demo model has no idea what it says; it is here so that you can see everything work without a key, without an account and without a network. A real model takes its place as soon as you choose one.",
];

const LONG = `## A long answer from the demo model

This script has **${LONG_PARTS} parts** and takes about a minute. Reload the window in the middle of it.

${Array.from(
  { length: LONG_PARTS },
  (_, index) =>
    `**Part ${index + 1} of ${LONG_PARTS}.** ${LONG_TEXTS[index % LONG_TEXTS.length] ?? ""}`,
).join("\n\n")}

### The end

If you reloaded on the way, look back: no part is missing and none is there twice.
`;

/** The scripts are in English; who asks in Russian is told so in Russian. */
export const RUSSIAN_NOTE =
  "*Это встроенная демонстрация: она отвечает по готовому сценарию, и он на английском языке.*\n\n";
