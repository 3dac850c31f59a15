// The Grafana dashboard, built with Grafana's own SDK from the same names as the code.
import * as common from "@grafana/grafana-foundation-sdk/common";
import * as dashboard from "@grafana/grafana-foundation-sdk/dashboard";
import { DataqueryBuilder } from "@grafana/grafana-foundation-sdk/prometheus";
import { PanelBuilder as StatBuilder } from "@grafana/grafana-foundation-sdk/stat";
import { PanelBuilder as TimeseriesBuilder } from "@grafana/grafana-foundation-sdk/timeseries";
import { PANELS, type Panel, type Query } from "./panels.ts";
import { JOB, METRICS } from "./promql.ts";

const DATASOURCE = { type: "prometheus", uid: "${datasource}" };
const WHOLE_WIDTH = 24;

/** As Grafana imports it. */
export function dashboardFile(): string {
  const builder = new dashboard.DashboardBuilder("Streamkeeper")
    .uid("streamkeeper")
    .description("Commits, streams, models and storage of Streamkeeper's companions.")
    .tags(["streamkeeper"])
    .timezone("browser")
    .refresh("10s")
    .time({ from: "now-30m", to: "now" })
    .tooltip(dashboard.DashboardCursorSync.Crosshair)
    .variables(variables());
  for (const { title, panels } of PANELS) {
    builder.withRow(new dashboard.RowBuilder(title));
    for (const panel of panels) builder.withPanel(toPanel(panel, WHOLE_WIDTH / panels.length));
  }
  return `${JSON.stringify(builder.build(), null, 2)}\n`;
}

function variables() {
  return [
    new dashboard.DatasourceVariableBuilder("datasource").label("Prometheus").type("prometheus"),
    new dashboard.QueryVariableBuilder("instance")
      .label("Companion")
      .datasource(DATASOURCE)
      .query(`label_values(${METRICS.buildInfo}{job="${JOB}"}, instance)`)
      .refresh(dashboard.VariableRefresh.OnTimeRangeChanged)
      .multi(true)
      .includeAll(true)
      .allValue(".*")
      .current({ text: "All", value: "$__all" }),
    new dashboard.TextBoxVariableBuilder("docs")
      .label("Address of docs/")
      .description(
        "Where your copy of the folder docs/ can be read; the panels link to its troubleshooting.md.",
      )
      .defaultValue("docs"),
  ];
}

function toPanel(panel: Panel, width: number): TimeseriesBuilder | StatBuilder {
  const { title, description, unit, queries, entry } = panel;
  const builder = panel.now ? stat(panel) : timeseries(panel);
  builder
    .title(title)
    .description(description)
    .datasource(DATASOURCE)
    .unit(unit)
    .span(width)
    .height(panel.now ? 4 : 8)
    .links([
      new dashboard.DashboardLinkBuilder(`Troubleshooting: ${entry}`)
        .type(dashboard.DashboardLinkType.Link)
        .url(`\${docs}/troubleshooting.md#${anchorOf(entry)}`)
        .targetBlank(true),
    ]);
  queries.forEach((query, index) => {
    builder.withTarget(toTarget(query, String.fromCharCode("A".charCodeAt(0) + index)));
  });
  return builder;
}

function timeseries({ stacked }: Panel): TimeseriesBuilder {
  const builder = new TimeseriesBuilder()
    .min(0)
    .lineWidth(1)
    .fillOpacity(stacked ? 30 : 5)
    .showPoints(common.VisibilityMode.Never)
    .legend(
      new common.VizLegendOptionsBuilder()
        .showLegend(true)
        .displayMode(common.LegendDisplayMode.List)
        .placement(common.LegendPlacement.Bottom)
        .calcs([]),
    )
    .tooltip(new common.VizTooltipOptionsBuilder().mode(common.TooltipDisplayMode.Multi));
  if (!stacked) return builder;
  return builder.stacking(new common.StackingConfigBuilder().mode(common.StackingMode.Normal));
}

function stat({ now }: Panel): StatBuilder {
  const builder = new StatBuilder()
    .colorMode(common.BigValueColorMode.Value)
    .graphMode(common.BigValueGraphMode.None)
    .reduceOptions(new common.ReduceDataOptionsBuilder().calcs(["lastNotNull"]));
  if (now === undefined || now === "plain") return builder;
  const [below, from] = "badFrom" in now ? ["green", "red"] : ["red", "green"];
  const limit = "badFrom" in now ? now.badFrom : now.goodFrom;
  return builder.thresholds(
    new dashboard.ThresholdsConfigBuilder().mode(dashboard.ThresholdsMode.Absolute).steps([
      { value: null, color: below },
      { value: limit, color: from },
    ]),
  );
}

function toTarget({ expr, legend }: Query, refId: string): DataqueryBuilder {
  return new DataqueryBuilder().refId(refId).datasource(DATASOURCE).expr(expr).legendFormat(legend);
}

/** As code hosts make it of a heading. */
export function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\w\- ]/g, "")
    .replaceAll(" ", "-");
}
