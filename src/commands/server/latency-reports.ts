/** LATENCY GRAPH event and LATENCY DOCTOR: reports for people. */

import type { CommandDefinition } from '../contract/definition.js';
import { errorQuoting } from '../contract/quote.js';
import type { LatencyEvent, LatencySample } from '../contract/server-port.js';

const COLUMNS = 80;
const ROWS = 4;
const MARKS = ['_', 'o', '#'];

/** How long ago, in two characters from top to bottom: 3s, 15m, 2h, 5d. */
function ageOf(seconds: number): string {
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)}h`;
  return `${Math.floor(seconds / 86400)}d`;
}

/** A drawing of the samples, a column each: its height, and below how long ago it was. */
function graphOf(samples: readonly LatencySample[], nowSeconds: number): string {
  const highest = Math.max(...samples.map((sample) => sample.milliseconds));
  const lowest = Math.min(...samples.map((sample) => sample.milliseconds));
  const levels = ROWS * MARKS.length;
  const columns = samples.map(({ milliseconds }) => {
    const share = highest === lowest ? 0 : (milliseconds - lowest) / (highest - lowest);
    return Math.min(levels - 1, Math.floor(share * levels));
  });
  const lines: string[] = [];
  for (let row = ROWS - 1; row >= 0; row--) {
    const cells = columns.map((level) => {
      const within = level - row * MARKS.length;
      if (within < 0) return ' ';
      return within < MARKS.length ? MARKS[within] : '|';
    });
    lines.push(cells.join(''));
  }
  const ages = samples.map(({ timeSeconds }) => ageOf(Math.max(0, nowSeconds - timeSeconds)));
  lines.push('');
  for (let i = 0; i < Math.max(...ages.map((age) => age.length)); i++) {
    lines.push(ages.map((age) => age[i] ?? ' ').join(''));
  }
  return lines.map((line) => `${line.trimEnd()}\n`).join('');
}

export const latencyGraph: CommandDefinition = {
  name: 'latency|graph',
  summary: 'Draws the samples of one kind of event',
  since: '2.8.13',
  group: 'server',
  complexity: 'O(1)',
  arity: 3,
  flags: ['admin', 'noscript', 'loading', 'stale'],
  arguments: [{ name: 'event', type: 'string' }],
  tips: ['nondeterministic_output', 'request_policy:all_nodes', 'response_policy:special'],
  locks: 'none',
  run(context) {
    const { reply, server, now } = context;
    const wanted = context.text(2);
    const event = server.latency.events().find(({ name }) => name === wanted);
    if (event === undefined) {
      errorQuoting(context, "ERR No samples available for event '", 2, "'");
      return;
    }
    const samples = event.samples.slice(-COLUMNS);
    const times = samples.map((sample) => sample.milliseconds);
    reply.verbatim(
      'txt',
      `${event.name} - high ${Math.max(...times)} ms, low ${Math.min(...times)} ms ` +
        `(all time high ${event.maximum} ms)\n${'-'.repeat(COLUMNS)}\n` +
        graphOf(samples, Math.floor(now / 1000)),
    );
  },
};

/** What helps against a kind of event. */
const ADVICE: readonly (readonly [pattern: RegExp, text: string])[] = [
  [/command/, 'Look at SLOWLOG GET: it names the slow commands and their arguments.'],
  [/command/, 'Avoid KEYS and large ranges in production; use SCAN and smaller steps.'],
  [/expire/, 'Many keys expire at the same time: spread their expiry times.'],
  [/./, 'Check that the machine does not swap and that other processes leave it CPU time.'],
];

function describeEvent({ name, maximum, samples }: LatencyEvent): string {
  const times = samples.map((sample) => sample.milliseconds);
  const average = times.reduce((sum, value) => sum + value, 0) / times.length;
  return (
    `- ${name}: ${times.length} samples, ${average.toFixed(0)} ms on average, ` +
    `${maximum} ms at worst.`
  );
}

function diagnosis(events: readonly LatencyEvent[], thresholdMs: number): string {
  if (thresholdMs === 0) {
    return (
      'Latency monitoring is switched off. ' +
      'CONFIG SET latency-monitor-threshold <milliseconds> switches it on.\n'
    );
  }
  if (events.length === 0) return `Nothing has taken ${thresholdMs} ms or longer.\n`;
  const advice = ADVICE.filter(([pattern]) => events.some(({ name }) => pattern.test(name)));
  return [
    `These events took ${thresholdMs} ms or longer:`,
    ...events.map(describeEvent),
    'What may help:',
    ...advice.map(([, text]) => `- ${text}`),
    '',
  ].join('\n');
}

export const latencyDoctor: CommandDefinition = {
  name: 'latency|doctor',
  summary: 'Explains the delays seen and what may help',
  since: '2.8.13',
  group: 'server',
  complexity: 'O(1)',
  arity: 2,
  flags: ['admin', 'noscript', 'loading', 'stale'],
  tips: ['nondeterministic_output', 'request_policy:all_nodes', 'response_policy:special'],
  locks: 'none',
  run({ reply, server }) {
    reply.verbatim('txt', diagnosis(server.latency.events(), server.latency.thresholdMs));
  },
};
