/**
 * One plot: lines or stacked areas over time, its current values as a list, and its last values as a table
 * for those who do not see it.
 */
import uPlot from 'uplot';
import { timeOfDay } from '../lib/format.js';
import type { History } from '../lib/history.js';
import { make, setText, table } from './dom.js';

export interface SeriesChoice {
  /** In the history. */
  readonly name: string;
  readonly title: string;
  /** What is left over has a quiet colour. */
  readonly isRest?: boolean;
}

export interface PlotOptions {
  readonly title: string;
  readonly format: (value: number) => string;
  readonly isStacked?: boolean;
  /** Marks of the scale lie at powers of two. */
  readonly isBinary?: boolean;
  /** From the least to the greatest value, in powers of ten. */
  readonly isLogarithmic?: boolean;
  /** The least upper end of the scale. */
  readonly least?: number;
  /** Which series there are now; may change. */
  readonly series: () => readonly SeriesChoice[];
}

const HEIGHT = 150;
const TABLE_ROWS = 12;
const AXIS_WIDTH = 62;
const SYNC_KEY = 'console';
export const COLOURS = 6;

function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** From 1: the last one is that of what is left over. */
function colourOf(series: readonly SeriesChoice[], index: number): number {
  return series[index]!.isRest ? COLOURS : (index % (COLOURS - 1)) + 1;
}

const POWERS_OF_TWO = Array.from({ length: 50 }, (_, power) => 2 ** power);

const LOGARITHMIC: uPlot.Scale = {
  distr: 3,
  log: 10,
  range: (_, least, most) => [
    10 ** Math.floor(Math.log10(least || 1)),
    10 ** Math.ceil(Math.log10(Math.max(most || 1, (least || 1) * 1.01))),
  ],
};

function powersOfTen(_: uPlot, __: number, least: number, most: number): number[] {
  const powers: number[] = [];
  for (let value = least; value <= most * 1.001; value *= 10) powers.push(value);
  return powers;
}

function keepAll(_: uPlot, splits: number[]): number[] {
  return splits;
}

function linear(least: number): uPlot.Scale {
  return { range: (_, __, most) => [0, Math.max(most || 0, least) * 1.08 || 1] };
}

export class Plot {
  readonly element: HTMLElement;
  private readonly frame = make('div', { class: 'frame', attributes: { 'aria-hidden': 'true' } });
  private readonly legend = make('ul', { class: 'legend' });
  private readonly details = make('details', {}, make('summary', { text: 'Table' }));
  private readonly values: HTMLElement[] = [];
  private plot: uPlot | null = null;
  private shown: readonly SeriesChoice[] = [];
  private data: [number[], ...(number | null)[][]] = [[]];

  constructor(
    private readonly options: PlotOptions,
    private readonly history: History,
  ) {
    const heading = make('h3', { text: options.title });
    this.element = make(
      'figure',
      { class: 'plot' },
      heading,
      this.legend,
      this.frame,
      this.details,
    );
    this.element.setAttribute('role', 'group');
    this.element.setAttribute('aria-label', options.title);
    this.details.addEventListener('toggle', () => this.fillTable());
    new ResizeObserver(() => this.resize()).observe(this.frame);
  }

  /** Shows what the history has now. @param seconds how far back */
  update(seconds: number): void {
    const series = this.options.series();
    this.data = this.history.window(
      series.map(({ name }) => name),
      seconds,
    );
    if (this.plot === null || !isSame(series, this.shown)) this.rebuild(series);
    this.plot!.setData(this.drawn() as uPlot.AlignedData);
    this.showValues(this.plot!.cursor.idx ?? null);
    if (this.details.open) this.fillTable();
  }

  /** The colours of the page have changed. */
  recolour(): void {
    this.plot?.redraw(false);
  }

  private rebuild(series: readonly SeriesChoice[]): void {
    this.plot?.destroy();
    this.shown = series;
    this.values.length = 0;
    this.legend.replaceChildren(
      ...series.map(({ title }, index) => {
        const value = make('b', { text: '–' });
        this.values.push(value);
        const mark = make('i', { class: `mark s${colourOf(series, index)}` });
        return make('li', {}, mark, make('span', { text: title }), value);
      }),
    );
    this.plot = new uPlot(this.plotOptions(series), this.drawn() as uPlot.AlignedData, this.frame);
  }

  private plotOptions(series: readonly SeriesChoice[]): uPlot.Options {
    const { format, isStacked = false, isBinary = false, isLogarithmic = false } = this.options;
    const increments = isBinary ? { incrs: POWERS_OF_TWO } : {};
    const axis = { stroke: () => colour('--muted'), font: '11px system-ui, sans-serif' };
    const grid = { stroke: () => colour('--grid'), width: 1 };
    return {
      width: Math.max(this.frame.clientWidth, 100),
      height: HEIGHT,
      legend: { show: false },
      cursor: { sync: { key: SYNC_KEY }, drag: { x: false, y: false }, y: false },
      scales: { y: isLogarithmic ? LOGARITHMIC : linear(this.options.least ?? 0) },
      hooks: { setCursor: [(plot) => this.showValues(plot.cursor.idx ?? null)] },
      axes: [
        { ...axis, grid: { show: false }, ticks: grid, size: 26, space: 70, values: times },
        {
          ...{ ...axis, ...increments, grid, ticks: { show: false } },
          ...{ size: AXIS_WIDTH, space: 36 },
          ...(isLogarithmic ? { splits: powersOfTen, filter: keepAll } : {}),
          values: (_, splits) => splits.map((value) => format(value)),
        },
      ],
      // Of a stack the highest comes first: the lower ones are drawn over it.
      series: [
        {},
        ...this.order(series.length).map((index) => line(colourOf(series, index), isStacked)),
      ],
    };
  }

  private order(count: number): number[] {
    const order = Array.from({ length: count }, (_, index) => index);
    return this.options.isStacked ? order.reverse() : order;
  }

  /** What is drawn: of a stack, sums. */
  private drawn(): (number | null)[][] {
    const [times, ...columns] = this.data;
    if (!this.options.isStacked) return [times, ...columns];
    const sums = times.map(() => 0);
    const stacked = columns.map((column) =>
      column.map((value, i) => {
        sums[i]! += value ?? 0;
        return sums[i]!;
      }),
    );
    return [times, ...stacked.reverse()];
  }

  /** @param index of the sample under the cursor, or null: the last one */
  private showValues(index: number | null): void {
    const [times, ...columns] = this.data;
    const at = index ?? times.length - 1;
    columns.forEach((column, i) => {
      const value = column[at] ?? null;
      const place = this.values[i];
      if (place !== undefined) setText(place, value === null ? '–' : this.options.format(value));
    });
  }

  private fillTable(): void {
    const [times, ...columns] = this.data;
    const rows = times
      .map((_, i) => i)
      .slice(-TABLE_ROWS)
      .reverse();
    const format = (value: number | null | undefined) =>
      value === null || value === undefined ? '–' : this.options.format(value);
    const content = table<number>(
      `${this.options.title}, the last ${TABLE_ROWS} samples`,
      [
        { title: 'Time', value: (i) => timeOfDay(times[i]!) },
        ...this.shown.map(({ title }, series) => ({
          title,
          value: (i: number) => format(columns[series]?.[i]),
          isNumber: true,
        })),
      ],
      rows,
    );
    this.details.replaceChildren(this.details.firstElementChild!, content);
  }

  private resize(): void {
    const width = this.frame.clientWidth;
    if (width > 0) this.plot?.setSize({ width, height: HEIGHT });
  }
}

function line(number: number, isFilled: boolean): uPlot.Series {
  const stroke = () => colour(`--series-${number}`);
  const fill = isFilled ? { fill: stroke } : {};
  return { stroke, width: isFilled ? 1 : 1.6, points: { show: false }, ...fill };
}

function times(_: uPlot, splits: number[]): string[] {
  return splits.map(timeOfDay);
}

function isSame(one: readonly SeriesChoice[], other: readonly SeriesChoice[]): boolean {
  return one.length === other.length && one.every(({ name }, i) => name === other[i]!.name);
}
