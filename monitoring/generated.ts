import { alerts, alertsFile } from "./alerts.ts";
import { dashboardFile } from "./dashboard.ts";

/** The files that are made, not written. */
export const GENERATED = [
  { path: "monitoring/grafana/streamkeeper.json", content: dashboardFile },
  { path: "monitoring/prometheus/alerts.yml", content: () => alertsFile(alerts()) },
] as const;
