/**
 * Charts as plain ECharts options without functions in them, so that one description serves the
 * interactive report (as JSON) and the pictures of the README (rendered to SVG here, no browser).
 */
import * as echarts from 'echarts';

export interface Chart {
  /** File name of the picture, without the extension. */
  readonly id: string;
  readonly title: string;
  readonly width: number;
  readonly height: number;
  readonly option: Readonly<Record<string, unknown>>;
}

const BASELINE_COLOR = '#9aa3ad';
const COLORS = ['#1f6feb', '#d97706', '#059669', '#9333ea'];
const TEXT_COLOR = '#24292f';

/** The baseline is grey, so that the eye goes to what is compared with it. */
export function systemColor(index: number): string {
  return index === 0 ? BASELINE_COLOR : COLORS[(index - 1) % COLORS.length]!;
}

function frame(title: string, subtitle: string): Record<string, unknown> {
  const small = { color: '#57606a', fontSize: 12 };
  return {
    animation: false,
    backgroundColor: '#ffffff',
    textStyle: { fontFamily: 'system-ui, sans-serif', color: TEXT_COLOR },
    title: { text: title, subtext: subtitle, left: 12, top: 8, subtextStyle: small },
    legend: { right: 16, top: 12 },
    tooltip: { trigger: 'axis' },
  };
}

export interface BarSeries {
  readonly name: string;
  readonly values: readonly number[];
}

export function bars(
  id: string,
  title: string,
  subtitle: string,
  categories: readonly string[],
  series: readonly BarSeries[],
): Chart {
  const option = {
    ...frame(title, subtitle),
    grid: { left: 70, right: 20, top: 78, bottom: 40 },
    xAxis: { type: 'category', data: categories, axisLabel: { interval: 0 } },
    yAxis: { type: 'value' },
    series: series.map(({ name, values }, i) => ({
      name,
      type: 'bar',
      barMaxWidth: 46,
      data: values,
      itemStyle: { color: systemColor(i) },
      label: { show: true, position: 'top', fontSize: 11 },
    })),
  };
  return { id, title, width: Math.max(560, 130 * categories.length), height: 360, option };
}

export interface LineSeries {
  readonly name: string;
  /** Index of the system, for its colour. */
  readonly system: number;
  readonly points: readonly (readonly [number, number])[];
  /** From-to along the x axis to shade, for instance while a full sync ran. */
  readonly shaded?: readonly [number, number];
}

export interface Axes {
  readonly x: string;
  readonly y: string;
  readonly logarithmic?: boolean;
}

export function lines(
  id: string,
  title: string,
  subtitle: string,
  axes: Axes,
  series: readonly LineSeries[],
): Chart {
  const name = { nameLocation: 'middle', nameTextStyle: { fontSize: 12 } };
  const option = {
    ...frame(title, subtitle),
    grid: { left: 76, right: 24, top: 78, bottom: 52 },
    xAxis: { type: 'value', name: axes.x, nameGap: 28, ...limits(series), ...name },
    yAxis: { type: axes.logarithmic ? 'log' : 'value', name: axes.y, nameGap: 54, ...name },
    series: series.map(({ name: label, system, points, shaded }) => ({
      name: label,
      type: 'line',
      showSymbol: false,
      data: points,
      lineStyle: { width: 2, color: systemColor(system) },
      itemStyle: { color: systemColor(system) },
      ...(shaded === undefined ? {} : { markArea: area(shaded, system) }),
    })),
  };
  return { id, title, width: 760, height: 380, option };
}

/** Whole numbers around all points. */
function limits(series: readonly LineSeries[]): { min: number; max: number } {
  const all = series.flatMap(({ points }) => points.map(([x]) => x));
  return { min: Math.floor(Math.min(...all)), max: Math.ceil(Math.max(...all)) };
}

function area(range: readonly [number, number], system: number): Record<string, unknown> {
  const style = { color: systemColor(system), opacity: 0.12 };
  return { silent: true, itemStyle: style, data: [[{ xAxis: range[0] }, { xAxis: range[1] }]] };
}

export function toSvg(chart: Chart): string {
  const { width, height } = chart;
  const drawing = echarts.init(null, null, { renderer: 'svg', ssr: true, width, height });
  drawing.setOption(chart.option);
  const svg = drawing.renderToSVGString();
  drawing.dispose();
  return svg;
}
