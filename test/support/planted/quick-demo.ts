// Loaded into a companion before its own code: the demo answers at once, but for the long
// answer, which tests cut short.
import { registerHooks } from "node:module";

const PACE = /await pause\(deltaMs,/;

registerHooks({
  load(url, context, next) {
    const loaded = next(url, context);
    if (!url.endsWith("/server/providers/demo.ts")) return loaded;
    const source = String(loaded.source);
    if (!PACE.test(source)) throw new Error(`${url} has no ${PACE}`);
    const quick = source.replace(PACE, 'await pause(topicFor(request) === "long" ? deltaMs : 0,');
    return { ...loaded, source: quick };
  },
});
