import type { MarkdownIt } from "markdown-it";
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Actions } from "../../actions.ts";
import type { MarkdownHost } from "../../markdown/code-block.ts";
import type { Store } from "../../state/store.ts";
import type { Strings } from "../../strings/texts.ts";
import type { Transport } from "../../transport/transport.ts";

export interface Attaching {
  store: Store;
  transport: Transport;
}

/** What never changes while the app runs. */
export interface Surroundings {
  actions: Actions;
  text: Strings;
  md: MarkdownIt;
  markdownHost: MarkdownHost;
  /** For what is loaded later and brings its actions along. */
  attaching: Attaching;
}

export const SurroundingsContext = createContext<Surroundings | null>(null);

export function useSurroundings(): Surroundings {
  const surroundings = useContext(SurroundingsContext);
  if (!surroundings) throw new TypeError("Rendered outside the app");
  return surroundings;
}
