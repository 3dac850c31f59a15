// The page of figures before somebody looks at it: its view is loaded then, and given what is
// loaded already.
import { FromMetrics } from "../../webview/metrics/messages.ts";
import { pageOf, webviewRoot } from "../chat/chat-view.ts";
import type { CompanionState } from "../companion/companion-process.ts";
import { explain } from "../explain.ts";
import type { MetricsView, MetricsViewDeps } from "./metrics-view.ts";
import { describeState } from "./status-bar.ts";

export interface MetricsLoader {
  load(): Promise<MetricsView>;
  isVisible(): boolean;
  dispose(): void;
}

type Given = "webviewRoot" | "pageOf" | "parse" | "describe" | "explain";

export function createMetricsLoader(getDeps: () => Omit<MetricsViewDeps, Given>): MetricsLoader {
  let view: MetricsView | undefined;
  return {
    async load() {
      const { MetricsView } = await import("./metrics-view.ts");
      if (view) return view;
      const deps = getDeps();
      view = new MetricsView({
        ...deps,
        webviewRoot: webviewRoot(deps.extensionUri),
        pageOf: (webview) => pageOf(webview, deps.extensionUri, "metrics"),
        parse: (raw) => FromMetrics.safeParse(raw).data,
        describe,
        explain: (thrown) => explain(thrown).message,
      });
      return view;
    },
    isVisible: () => view?.isVisible === true,
    dispose: () => view?.dispose(),
  };
}

function describe(current: CompanionState): string {
  return current.state === "failed"
    ? explain(current.problem).message
    : describeState(current.state);
}
