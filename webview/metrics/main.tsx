// The metrics view: shows what the extension host tells, and asks for commands from a closed list.
import { render } from "preact";
import { type FromMetrics, ToMetrics } from "./messages.ts";
import { pickMetricsStrings } from "./strings.ts";
import { MetricsPage } from "./view.tsx";

declare const acquireVsCodeApi: () => { postMessage(message: FromMetrics): void };

function start(root: HTMLElement): void {
  const vscode = acquireVsCodeApi();
  const html = document.documentElement;
  html.dataset["host"] = "vscode";
  const text = pickMetricsStrings(html.lang);
  const post = (message: FromMetrics): void => vscode.postMessage(message);
  render(<MetricsPage text={text} report={undefined} post={post} />, root);
  window.addEventListener("message", ({ data }: MessageEvent<unknown>) => {
    const message = ToMetrics.safeParse(data);
    if (!message.success) return;
    render(<MetricsPage text={text} report={message.data.report} post={post} />, root);
  });
  post({ type: "ready" });
}

const root = document.getElementById("app");
if (root) start(root);
