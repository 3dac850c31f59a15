// The alerts, from the same names as the code. Why each is asked as it is: docs/metrics.md.
import { operationsThat } from "../server/observe/operations.ts";
import { asking, JOB } from "./promql.ts";

/**
 * One side of a comparison and the comparison, so that a test can see that
 * the side itself has data.
 */
interface Condition {
  value: string;
  is: string;
}

export interface Alert {
  name: string;
  severity: "critical" | "warning";
  /** All of them at once. */
  conditions: readonly [Condition, ...Condition[]];
  /** How long, before anyone is told. */
  lasting: string;
  /** What the user feels. */
  summary: string;
}

export interface Times {
  window: string;
  /** Resumes are rare. */
  longWindow: string;
  /** For what may pass by itself, and for what will not. */
  patient: string;
  prompt: string;
}

const TIMES: Times = { window: "5m", longWindow: "15m", patient: "5m", prompt: "1m" };
/** Other programs have a `database_up` and an event loop, too. */
const SELECTOR = `job="${JOB}"`;
const TROUBLESHOOTING = "docs/troubleshooting.md";
const MEGABYTE = 1_000_000;

export function alerts(times: Times = TIMES): Alert[] {
  return [...storageAlerts(times), ...delayAlerts(times), ...availabilityAlerts(times)];
}

function delayAlerts({ window, longWindow, patient, prompt }: Times): Alert[] {
  const ask = asking({ selector: SELECTOR, window });
  const noticed = `operation!~"${operationsThat({ background: true }).join("|")}"`;
  const all = perCompanion(ask.rate("transactionDuration", noticed, "_count"));
  const slow = (of: typeof ask.rate): string =>
    [
      `(${perCompanion(of("transactionDuration", noticed, "_count"))}`,
      `- ${perCompanion(of("transactionDuration", `${noticed},le="0.1"`, "_bucket"))})`,
    ].join("\n");
  const resumes = asking({ selector: SELECTOR, window: longWindow });
  return [
    {
      name: "StreamkeeperCommitsSlow",
      severity: "warning",
      conditions: [
        { value: `${slow(ask.rate)}\n/ ${all}`, is: "> 0.05" },
        { value: slow(ask.increase), is: "> 5" },
      ],
      lasting: patient,
      summary:
        "Answers come in jerks: over 5 % of the commits of {{ $labels.instance }} take more than 100 ms.",
    },
    {
      name: "StreamkeeperPublishSlow",
      severity: "warning",
      conditions: [{ value: ask.quantile(0.95, "publishDelay", COMPANION), is: "> 0.5" }],
      lasting: patient,
      summary:
        "Answers lag behind the model: one word in twenty is shown by {{ $labels.instance }} more than 0.5 s after it came.",
    },
    {
      name: "StreamkeeperEventLoopStalls",
      severity: "warning",
      conditions: [{ value: ask.series("eventLoopP99"), is: "> 0.2" }],
      lasting: patient,
      summary: "All chats of {{ $labels.instance }} stutter together: its event loop is blocked.",
    },
    {
      name: "StreamkeeperResumesFail",
      severity: "critical",
      conditions: [
        { value: perCompanion(resumes.increase("streamResumes", 'outcome="refused"')), is: "> 2" },
        {
          value: perCompanion(resumes.increase("streamResumes", 'outcome!="refused"')),
          is: "== 0",
        },
      ],
      lasting: prompt,
      summary:
        "A chat that was hidden or lost its connection does not go on: {{ $labels.instance }} refuses every resume.",
    },
  ];
}

function storageAlerts({ window, prompt, patient }: Times): Alert[] {
  const ask = asking({ selector: SELECTOR, window });
  const ours = `status="rollback",operation=~"${operationsThat({ rollback: "failure" }).join("|")}"`;
  const failed = (of: typeof ask.rate): string =>
    perCompanion(
      `${of("transactionCommits", 'status="error"')}\n  or ${of("transactionCommits", ours)}`,
    );
  return [
    {
      name: "StreamkeeperCommitsFail",
      severity: "critical",
      conditions: [
        {
          value: `${failed(ask.rate)}\n/ ${perCompanion(ask.rate("transactionCommits"))}`,
          is: "> 0.01",
        },
        { value: failed(ask.increase), is: "> 3" },
      ],
      lasting: prompt,
      summary:
        "Answers end with an error: over 1 % of the commits of {{ $labels.instance }} fail. What was shown is saved.",
    },
    {
      name: "StreamkeeperStorageFailing",
      severity: "critical",
      conditions: [
        {
          value: `max by (${COMPANION.join(", ")}, code) (${ask.series("storageFailing", 'code!="database_unavailable"')})`,
          is: "== 1",
        },
      ],
      lasting: prompt,
      summary:
        "Messages are refused and answers end: {{ $labels.instance }} can store nothing ({{ $labels.code }}).",
    },
    {
      name: "StreamkeeperDiskNearlyFull",
      severity: "warning",
      conditions: [{ value: ask.series("storageFree"), is: `< ${500 * MEGABYTE}` }],
      lasting: patient,
      summary:
        "Soon nothing can be said any more: the disk under {{ $labels.instance }} has less than 500 MB left.",
    },
  ];
}

function availabilityAlerts({ prompt }: Times): Alert[] {
  const ask = asking({ selector: SELECTOR, window: "" });
  return [
    {
      name: "StreamkeeperDatabaseDown",
      severity: "critical",
      conditions: [{ value: ask.series("databaseUp"), is: "== 0" }],
      lasting: prompt,
      summary:
        "Messages are refused and no chat opens: the database of {{ $labels.instance }} does not answer.",
    },
    {
      name: "StreamkeeperOneMachine",
      severity: "warning",
      conditions: [
        { value: ask.series("storageMachines"), is: "== 1" },
        { value: `max_over_time(${ask.series("storageMachines")}[1d])`, is: "== 2" },
      ],
      lasting: prompt,
      summary:
        "A machine that dies now takes words along that were shown: the database of {{ $labels.instance }} has lost its second machine.",
    },
    {
      name: "StreamkeeperDown",
      severity: "critical",
      // One that ends in order takes its target away.
      conditions: [{ value: `up{${SELECTOR}}`, is: "== 0" }],
      lasting: prompt,
      summary:
        "Chats stand still until the companion is back: {{ $labels.instance }} died or does not answer.",
    },
  ];
}

const COMPANION = ["job", "instance"] as const;

function perCompanion(expression: string): string {
  return `sum by (${COMPANION.join(", ")}) (${expression})`;
}

export function expressionOf({ conditions }: Alert): string {
  return conditions.map(({ value, is }) => `${value} ${is}`).join("\nand\n");
}

/** A file of rules. JSON strings are YAML strings, too. */
export function alertsFile(rules: readonly Alert[]): string {
  return [
    "# Made by `npm run monitoring` from monitoring/alerts.ts; change it there.",
    "groups:",
    "  - name: streamkeeper",
    "    rules:",
    ...rules.map((alert) =>
      [
        `      - alert: ${alert.name}`,
        "        expr: |-",
        ...expressionOf(alert)
          .split("\n")
          .map((line) => `          ${line}`),
        `        for: ${alert.lasting}`,
        "        labels:",
        `          severity: ${alert.severity}`,
        "        annotations:",
        `          summary: ${JSON.stringify(alert.summary)}`,
        `          runbook_url: ${runbookOf(alert)}`,
      ].join("\n"),
    ),
    "",
  ].join("\n");
}

export function runbookOf({ name }: Alert): string {
  return `${TROUBLESHOOTING}#${name.toLowerCase()}`;
}
