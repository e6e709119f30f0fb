// What Grafana 11.6 accepts as a dashboard, of the types that it publishes; tests/support/grafana_schema.py appends the dashboards.
import type { DataQuery } from "@grafana/schema";
import type { AnnotationQuery, Dashboard, FieldConfig, Panel, RowPanel } from "RAW/dashboard/x/dashboard_types.gen";
import type * as barGauge from "RAW/composable/bargauge/panelcfg/x/BarGaugePanelCfg_types.gen";
import type * as stat from "RAW/composable/stat/panelcfg/x/StatPanelCfg_types.gen";
import type * as stateTimeline from "RAW/composable/statetimeline/panelcfg/x/StateTimelinePanelCfg_types.gen";
import type * as table from "RAW/composable/table/panelcfg/x/TablePanelCfg_types.gen";
import type * as timeSeries from "RAW/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen";

// JSON has the texts of enumerations, not their names.
type Plain<T> = unknown extends T ? T
  : T extends string ? `${T}`
  : T extends object ? { [Key in keyof T]: Plain<T[Key]> }
  : T;

// What the published types leave open: queries of Prometheus and data links.
type Query = DataQuery & {
  expr: string;
  range: boolean;
  instant?: boolean;
  legendFormat?: string;
  format?: "time_series" | "table" | "heatmap";
};
type DataLink = { title: string; url: string; targetBlank: boolean };
type Defaults<Custom> = Omit<FieldConfig, "custom" | "links"> & { custom?: Partial<Custom>; links?: DataLink[] };
type PanelOf<Type, Options, Custom = never> = Omit<Panel, "type" | "options" | "targets" | "fieldConfig"> & {
  type: Type;
  options: Partial<Options>;
  targets: Query[];
  fieldConfig: Omit<NonNullable<Panel["fieldConfig"]>, "defaults"> & { defaults: Defaults<Custom> };
};
type AnyPanel =
  | RowPanel
  | PanelOf<"bargauge", barGauge.Options>
  | PanelOf<"stat", stat.Options>
  | PanelOf<"state-timeline", stateTimeline.Options, stateTimeline.FieldConfig>
  | PanelOf<"table", table.Options, table.FieldConfig>
  | PanelOf<"timeseries", timeSeries.Options, timeSeries.FieldConfig>;
type Annotation = Omit<AnnotationQuery, "target"> & {
  target: { refId: string; expr: string; interval: string };
  titleFormat: string;
  textFormat: string;
  tagKeys: string;
  useValueForTime: boolean;
};
export type Accepted = Plain<
  Omit<Dashboard, "panels" | "annotations"> & { panels: AnyPanel[]; annotations: { list: Annotation[] } }
>;
