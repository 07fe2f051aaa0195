/** The first view: the figures of now, and how they were in the last minutes. */
import { bytes, count, duration, microseconds, percent } from '../lib/format.js';
import { History, type Values } from '../lib/history.js';
import { commandCalls, type Info, keyCount, numberOf } from '../lib/info.js';
import { greatest, Rates } from '../lib/rates.js';
import { make, setText } from './dom.js';
import { COLOURS, Plot, type SeriesChoice } from './plot.js';
import type { Sample, View } from './view.js';

const SAMPLES_KEPT = 900;
const WINDOWS = [60, 300, 900];
const MEMORY_PARTS: readonly [field: string, title: string][] = [
  ['used_memory_dataset', 'data'],
  ['tables', 'tables'],
  ['mem_clients_normal', 'clients'],
  ['javascript_heap', 'heaps'],
  ['rest', 'rest'],
];
const MEMORY_SERIES: readonly SeriesChoice[] = MEMORY_PARTS.map(([name, title]) => ({
  name,
  title,
  isRest: name === 'rest',
}));
/** Counters whose rates are plotted. */
const COUNTERS = [
  'total_commands_processed',
  'keyspace_hits',
  'keyspace_misses',
  'total_net_input_bytes',
  'total_net_output_bytes',
  'total_net_repl_input_bytes',
  'total_net_repl_output_bytes',
];

export class OverviewView implements View {
  readonly title = 'Overview';
  readonly element = make('section', { class: 'overview' });
  private history = new History(SAMPLES_KEPT);
  private rates = new Rates();
  private readonly tiles = new Map<string, HTMLElement>();
  private plots: Plot[] = [];
  private commands: SeriesChoice[] = [];
  private threads: SeriesChoice[] = [];
  private windowSeconds = WINDOWS[1]!;
  private readonly plotGrid = make('div', { class: 'plots' });

  constructor() {
    const tiles = make('dl', { class: 'tiles', attributes: { 'aria-label': 'Now' } });
    const titles = ['Commands a second', 'p99 latency', 'Memory', 'Hit ratio', 'Keys', 'Clients'];
    for (const title of titles) {
      const value = make('dd', { text: '–' });
      this.tiles.set(title, value);
      tiles.append(make('div', {}, make('dt', { text: title }), value));
    }
    this.element.append(tiles, this.windowChoice(), this.plotGrid);
    this.createPlots();
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
      for (const plot of this.plots) plot.recolour();
    });
  }

  shown(): void {
    this.draw();
  }

  forget(): void {
    this.history = new History(SAMPLES_KEPT);
    this.rates = new Rates();
    this.commands = [];
    this.threads = [];
    this.createPlots();
  }

  sampled(sample: Sample, isShown: boolean): void {
    const rates = this.rates.next(sample.atMs, countersOf(sample));
    this.history.add(sample.atMs / 1000, this.valuesOf(sample, rates));
    this.chooseCommands(rates);
    this.threads = sample.threads
      .filter(({ seconds }) => seconds !== null)
      .map(({ name }) => ({ name: `thread ${name}`, title: name, isRest: name === 'others' }));
    if (isShown) this.draw();
    this.fillTiles(sample.info);
  }

  private windowChoice(): HTMLElement {
    const select = make('select', { id: 'window' });
    for (const seconds of WINDOWS) {
      const option = make('option', { text: `${seconds / 60} min` });
      option.value = String(seconds);
      option.selected = seconds === this.windowSeconds;
      select.append(option);
    }
    select.addEventListener('change', () => {
      this.windowSeconds = Number(select.value);
      this.draw();
    });
    const label = make('label', { text: 'Shown: the last ' });
    label.append(select);
    return make('p', { class: 'choice' }, label);
  }

  private createPlots(): void {
    const { history } = this;
    const fixed = (...choices: [name: string, title: string][]) => {
      const series = choices.map(([name, title]) => ({ name, title }));
      return () => series;
    };
    const options = [
      {
        title: 'Commands a second',
        ...{ format: count, isStacked: true, least: 10, series: () => this.commands },
      },
      {
        title: 'Latency of commands',
        ...{ format: microseconds, isLogarithmic: true },
        series: fixed(['p50', 'p50'], ['p99', 'p99'], ['p999', 'p99.9']),
      },
      {
        title: 'Memory by part',
        ...{ format: bytes, isStacked: true, isBinary: true, least: 1024 * 1024 },
        series: () => MEMORY_SERIES,
      },
      {
        title: 'Load of the threads',
        ...{ format: percent, least: 0.25, series: () => this.threads },
      },
      {
        title: 'Reads that found their key',
        ...{ format: percent, least: 1, series: fixed(['hit ratio', 'hits']) },
      },
      {
        title: 'Network, bytes a second',
        ...{ format: bytes, isBinary: true, least: 1024 },
        series: fixed(
          ['total_net_input_bytes', 'from clients'],
          ['total_net_output_bytes', 'to clients'],
          ['total_net_repl_input_bytes', 'from the primary'],
          ['total_net_repl_output_bytes', 'to replicas'],
        ),
      },
    ];
    this.plots = options.map((one) => new Plot(one, history));
    this.plotGrid.replaceChildren(...this.plots.map(({ element }) => element));
  }

  private valuesOf({ info, latency }: Sample, rates: ReadonlyMap<string, number>): Values {
    const values: Record<string, number | null> = { ...memoryParts(info) };
    for (const [name, rate] of rates) values[name] = rate;
    const hits = rates.get('keyspace_hits');
    const misses = rates.get('keyspace_misses');
    const reads = (hits ?? 0) + (misses ?? 0);
    values['hit ratio'] = hits !== undefined && reads > 0 ? hits / reads : null;
    values.p50 = latency?.p50 ?? null;
    values.p99 = latency?.p99 ?? null;
    values.p999 = latency?.p999 ?? null;
    values['op others'] = this.otherCommands(rates);
    return values;
  }

  private otherCommands(rates: ReadonlyMap<string, number>): number {
    const shown = new Set(this.commands.map(({ name }) => name));
    let others = 0;
    for (const [name, rate] of rates) {
      if (name.startsWith('op ') && !shown.has(name)) others += rate;
    }
    return others;
  }

  /** A new one comes in when it is among the greatest; the list is not turned over every second. */
  private chooseCommands(rates: ReadonlyMap<string, number>): void {
    const commands = new Map([...rates].filter(([name]) => name.startsWith('op ')));
    const most = COLOURS - 1;
    const now = greatest(commands, most);
    const kept = this.commands.map(({ name }) => name).filter((name) => name !== 'op others');
    const missing = now.slice(0, 3).filter((name) => !kept.includes(name));
    if (missing.length === 0 && (kept.length >= most || now.length <= kept.length)) return;
    const chosen = kept.length < most ? [...new Set([...kept, ...now])].slice(0, most) : now;
    this.commands = chosen.map((name) => ({ name, title: name.slice(3).replace('|', ' ') }));
    this.commands.push({ name: 'op others', title: 'others', isRest: true });
  }

  private draw(): void {
    for (const plot of this.plots) plot.update(this.windowSeconds);
  }

  private fillTiles(info: Info): void {
    const { history } = this;
    const last = (name: string, format: (value: number) => string) => {
      const value = history.last(name);
      return value === null ? '–' : format(value);
    };
    const limit = numberOf(info, 'maxmemory');
    const used = bytes(numberOf(info, 'used_memory'));
    const texts: Readonly<Record<string, string>> = {
      'Commands a second': last('total_commands_processed', count),
      'p99 latency': last('p99', microseconds),
      Memory: limit > 0 ? `${used} of ${bytes(limit)}` : used,
      'Hit ratio': last('hit ratio', percent),
      Keys: count(keyCount(info)),
      Clients: `${count(numberOf(info, 'connected_clients'))} (${count(numberOf(info, 'blocked_clients'))} wait)`,
    };
    for (const [title, text] of Object.entries(texts)) setText(this.tiles.get(title)!, text);
  }
}

/** Commands are counted as 'op get', threads as 'thread main'. */
function countersOf({ info, threads }: Sample): Map<string, number> {
  const counters = new Map(COUNTERS.map((name) => [name, numberOf(info, name)]));
  for (const [name, calls] of commandCalls(info)) counters.set(`op ${name}`, calls);
  for (const { name, seconds } of threads) {
    if (seconds !== null) counters.set(`thread ${name}`, seconds);
  }
  return counters;
}

/** Parts that add up to what is resident. */
function memoryParts(info: Info): Record<string, number> {
  const number = (name: string) => numberOf(info, name);
  const data = number('used_memory_dataset');
  const clients = number('mem_clients_normal');
  const heap = number('javascript_heap');
  const tables = Math.max(0, number('used_memory') - data);
  return {
    used_memory_dataset: data,
    tables,
    mem_clients_normal: clients,
    javascript_heap: heap,
    rest: Math.max(0, number('used_memory_rss') - data - tables - clients - heap),
  };
}

/** What stands at the head of the page. */
export function serverLine(info: Info): string {
  const role = info.get('role') === 'slave' ? 'replica' : 'primary';
  const version = info.get('darter_version') ?? info.get('redis_version') ?? '';
  return `port ${info.get('tcp_port') ?? '?'} · ${role} · version ${version} · up ${duration(numberOf(info, 'uptime_in_seconds'))}`;
}
