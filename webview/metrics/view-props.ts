import type { FromMetrics, MetricsReport } from "./messages.ts";
import type { MetricsStrings } from "./strings.ts";

export interface ViewProps {
  text: MetricsStrings;
  report: MetricsReport;
  post: (message: FromMetrics) => void;
}
