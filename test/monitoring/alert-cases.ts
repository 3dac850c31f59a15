// What the alerts must and must not do, as series that promtool plays, one value a minute.
import { METRICS } from "../../monitoring/promql.ts";

export interface AlertCase {
  alert: string;
  title: string;
  /** Name with labels -> promtool's values. */
  series: Record<string, string>;
  /** Minutes after the first value. */
  at: number;
  /** Labels of the alert besides job, instance and severity; undefined: it does not fire. */
  fires?: Record<string, string>;
}

export const INSTANCE = "127.0.0.1:4000";
const COMPANION = `job="streamkeeper",instance="${INSTANCE}"`;

type Metric = keyof typeof METRICS;
function of(metric: Metric, labels = "", suffix = ""): string {
  return `${METRICS[metric]}${suffix}{${COMPANION}${labels === "" ? "" : `,${labels}`}}`;
}

const commits = (status: string, operation = "append_chunks") =>
  of("transactionCommits", `operation="${operation}",status="${status}"`);
const durations = (operation = "append_chunks") => ({
  count: of("transactionDuration", `operation="${operation}"`, "_count"),
  quick: of("transactionDuration", `operation="${operation}",le="0.1"`, "_bucket"),
});
const resumes = (outcome: string) => of("streamResumes", `outcome="${outcome}"`);
const delays = (le: string) => of("publishDelay", `le="${le}"`, "_bucket");
const { count, quick } = durations();

const SLOW = "StreamkeeperCommitsSlow";
const FAIL = "StreamkeeperCommitsFail";
const STORAGE = "StreamkeeperStorageFailing";
const DISK = "StreamkeeperDiskNearlyFull";
const PUBLISH = "StreamkeeperPublishSlow";
const LOOP = "StreamkeeperEventLoopStalls";
const RESUMES = "StreamkeeperResumesFail";
const DATABASE = "StreamkeeperDatabaseDown";
const ONE_MACHINE = "StreamkeeperOneMachine";
const DOWN = "StreamkeeperDown";

const slow: AlertCase[] = [
  {
    alert: SLOW,
    title: "fires when one commit in ten is slow",
    series: { [count]: "0+1000x30", [quick]: "0+900x30" },
    at: 15,
    fires: {},
  },
  {
    alert: SLOW,
    title: "is over five minutes after the last slow one",
    series: { [count]: "0+1000x40", [quick]: "0+900x15 14500+1000x25" },
    at: 22,
  },
  {
    alert: SLOW,
    title: "keeps still while all are quick",
    series: { [count]: "0+1000x30", [quick]: "0+1000x30" },
    at: 15,
  },
  {
    alert: SLOW,
    title: "keeps still at one slow commit among 10,000",
    series: { [count]: "0+1000x30", [quick]: "0+1000x5 5999+1000x24" },
    at: 12,
  },
  {
    alert: SLOW,
    title: "keeps still when the only commit of an hour was slow",
    series: { [count]: "0+0x5 1+0x25", [quick]: "0+0x30" },
    at: 9,
  },
  {
    alert: SLOW,
    title: "keeps still while idle",
    series: { [count]: "5000+0x30", [quick]: "4000+0x30" },
    at: 15,
  },
  { alert: SLOW, title: "keeps still without any series", series: {}, at: 15 },
  {
    alert: SLOW,
    title: "keeps still when the counters begin again at zero",
    series: { [count]: "50000+1000x10 0+1000x20", [quick]: "40000+1000x10 0+1000x20" },
    at: 15,
  },
  {
    alert: SLOW,
    title: "goes on over counters that begin again at zero",
    series: { [count]: "50000+1000x10 0+1000x20", [quick]: "40000+800x10 0+800x20" },
    at: 15,
    fires: {},
  },
  {
    alert: SLOW,
    title: "keeps still when only work in the background is slow",
    series: {
      [count]: "0+10x30",
      [quick]: "0+10x30",
      [durations("compact_turn").count]: "0+1000x30",
      [durations("compact_turn").quick]: "0+0x30",
    },
    at: 15,
  },
];

const fail: AlertCase[] = [
  {
    alert: FAIL,
    title: "fires when one commit in fifty fails",
    series: { [commits("success")]: "0+980x30", [commits("error")]: "0+20x30" },
    at: 12,
    fires: {},
  },
  {
    alert: FAIL,
    title: "fires when all work is rolled back and nothing succeeds",
    series: {
      [commits("success")]: "500+0x30",
      [commits("error")]: "0+0x30",
      [commits("rollback", "probe_storage")]: "0+30x30",
    },
    at: 12,
    fires: {},
  },
  {
    alert: FAIL,
    title: "is over five minutes after the last failure",
    series: { [commits("success")]: "0+980x40", [commits("error")]: "0+20x10 200+0x30" },
    at: 17,
  },
  {
    alert: FAIL,
    title: "keeps still while all succeed",
    series: { [commits("success")]: "0+1000x30", [commits("error")]: "0+0x30" },
    at: 12,
  },
  {
    alert: FAIL,
    title: "keeps still at a single error among 10,000",
    series: { [commits("success")]: "0+2000x30", [commits("error")]: "0+0x8 1+0x22" },
    at: 12,
  },
  {
    alert: FAIL,
    title: "keeps still when the only commit of an hour failed",
    series: { [commits("success")]: "7+0x30", [commits("error")]: "0+0x8 1+0x22" },
    at: 10,
  },
  {
    alert: FAIL,
    title: "keeps still while idle",
    series: { [commits("success")]: "900+0x30", [commits("error")]: "100+0x30" },
    at: 12,
  },
  {
    alert: FAIL,
    title: "keeps still when the counters begin again at zero",
    series: {
      [commits("success")]: "50000+1000x10 0+1000x20",
      [commits("error")]: "900+0x10 0+0x20",
    },
    at: 13,
  },
  {
    alert: FAIL,
    title: "keeps still when clients ask for what is refused",
    series: {
      [commits("success")]: "0+10x30",
      [commits("error")]: "0+0x30",
      [commits("rollback", "add_user_message")]: "0+100x30",
      [commits("rollback")]: "0+0x30",
    },
    at: 12,
  },
];

const gauges: AlertCase[] = [
  {
    alert: STORAGE,
    title: "fires when the disk is full, and says so",
    series: {
      [of("storageFailing", 'code="storage_full"')]: "0x5 1x20",
      [of("storageFailing", 'code="storage_busy"')]: "0x25",
    },
    at: 8,
    fires: { code: "storage_full" },
  },
  {
    alert: STORAGE,
    title: "is over at once when storing works again",
    series: { [of("storageFailing", 'code="storage_full"')]: "1x10 0x20" },
    at: 11,
  },
  {
    alert: STORAGE,
    title: "keeps still while a lock is waited for now and then",
    series: { [of("storageFailing", 'code="storage_busy"')]: "0 1 0 0 1 0 0 1 0 0 1 0 0" },
    at: 10,
  },
  {
    alert: STORAGE,
    title: "leaves a database that is away to its own alert",
    series: { [of("storageFailing", 'code="database_unavailable"')]: "1x20" },
    at: 10,
  },
  {
    alert: DISK,
    title: "fires below 500 MB",
    series: { [of("storageFree")]: "499000000x20" },
    at: 10,
    fires: {},
  },
  {
    alert: DISK,
    title: "keeps still above 500 MB",
    series: { [of("storageFree")]: "501000000x20" },
    at: 10,
  },
  { alert: DISK, title: "keeps still on Postgres, without a disk", series: {}, at: 10 },
  {
    alert: DATABASE,
    title: "fires when the database does not answer",
    series: { [of("databaseUp")]: "1x5 0x20" },
    at: 8,
    fires: {},
  },
  {
    alert: DATABASE,
    title: "keeps still over a restart of the database",
    series: { [of("databaseUp")]: "1x5 0 1x20" },
    at: 6,
  },
  {
    alert: DATABASE,
    title: "keeps still when another program's database is away",
    series: { [`${METRICS.databaseUp}{job="shop",instance="${INSTANCE}"}`]: "0x20" },
    at: 10,
  },
  {
    alert: ONE_MACHINE,
    title: "fires when the second machine has gone",
    series: { [of("storageMachines")]: "2x5 1x20" },
    at: 8,
    fires: {},
  },
  {
    alert: ONE_MACHINE,
    title: "keeps still where there never was a second one",
    series: { [of("storageMachines")]: "1x20" },
    at: 10,
  },
  {
    alert: ONE_MACHINE,
    title: "keeps still over a failover, and while the database does not say",
    series: { [of("storageMachines")]: "2x5 1 2 0x20" },
    at: 10,
  },
  { alert: DOWN, title: "fires", series: { [`up{${COMPANION}}`]: "1x5 0x20" }, at: 8, fires: {} },
  {
    alert: DOWN,
    title: "keeps still when a companion ended in order and took its target away",
    series: { [`up{${COMPANION}}`]: "1x5 stale" },
    at: 10,
  },
  {
    alert: LOOP,
    title: "fires when the event loop is late by 300 ms",
    series: { [of("eventLoopP99")]: "0.01x5 0.3x20" },
    at: 15,
    fires: {},
  },
  {
    alert: LOOP,
    title: "keeps still at a single stall",
    series: { [of("eventLoopP99")]: "0.01x5 2 0.01x20" },
    at: 7,
  },
];

const streams: AlertCase[] = [
  {
    alert: PUBLISH,
    title: "fires when one word in ten is late",
    series: {
      [delays("0.5")]: "0+900x30",
      [delays("1")]: "0+1000x30",
      [delays("+Inf")]: "0+1000x30",
    },
    at: 15,
    fires: {},
  },
  {
    alert: PUBLISH,
    title: "keeps still at one late word among 10,000",
    series: {
      [delays("0.5")]: "0+1000x5 5999+1000x25",
      [delays("1")]: "0+1000x30",
      [delays("+Inf")]: "0+1000x30",
    },
    at: 12,
  },
  {
    alert: PUBLISH,
    title: "keeps still while idle",
    series: { [delays("0.5")]: "10+0x30", [delays("1")]: "900+0x30", [delays("+Inf")]: "900+0x30" },
    at: 15,
  },
  {
    alert: PUBLISH,
    title: "keeps still when the counters begin again at zero",
    series: {
      [delays("0.5")]: "100+1000x10 0+1000x20",
      [delays("1")]: "9000+1000x10 0+1000x20",
      [delays("+Inf")]: "9000+1000x10 0+1000x20",
    },
    at: 15,
  },
  {
    alert: RESUMES,
    title: "fires when every resume is refused",
    series: { [resumes("refused")]: "0+1x30", [resumes("live")]: "5+0x30" },
    at: 18,
    fires: {},
  },
  {
    alert: RESUMES,
    title: "keeps still while some succeed",
    series: { [resumes("refused")]: "0+5x30", [resumes("replayed")]: "0+1x30" },
    at: 18,
  },
  {
    alert: RESUMES,
    title: "keeps still at a single refusal",
    series: { [resumes("refused")]: "0x5 1x30", [resumes("live")]: "0x35" },
    at: 12,
  },
  {
    alert: RESUMES,
    title: "keeps still while nobody resumes",
    series: { [resumes("refused")]: "9x30", [resumes("live")]: "9x30" },
    at: 18,
  },
  {
    alert: RESUMES,
    title: "keeps still when the counters begin again at zero",
    series: { [resumes("refused")]: "90x10 0x20", [resumes("live")]: "500x10 0x20" },
    at: 18,
  },
];

export const ALERT_CASES = [...slow, ...fail, ...gauges, ...streams];
