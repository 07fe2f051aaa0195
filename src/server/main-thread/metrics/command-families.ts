/** Metrics of commands and errors, as redis_exporter has them from INFO and LATENCY HISTOGRAM. */
import type { CommandEntry } from '../../../commands/contract/context.js';
import { bucketOf, percentileMicroseconds } from '../../../memory/histogram.js';
import type { AddSample, Family } from './family.js';
import type { Scrape } from './scrape.js';

/** Limits of redis_commands_latencies_usec: 2^10 to 2^29 ns, as LATENCY HISTOGRAM has them. */
const LIMIT_EXPONENTS = Array.from({ length: 20 }, (_, i) => i + 10);

/** Every command and subcommand that was called, or refused. */
function* calledCommands({ registry, control }: Scrape): Generator<CommandEntry> {
  for (const entry of registry.commands.values()) {
    for (const one of [entry, ...entry.subcommands.values()]) {
      const { index } = one;
      const isKnown = (['calls', 'rejected', 'failed'] as const).some(
        (kind) => control.sumOfCommand(kind, index) > 0,
      );
      if (isKnown) yield one;
    }
  }
}

function perCommand(
  name: string,
  help: string,
  kind: 'calls' | 'microseconds' | 'rejected' | 'failed',
  unit = 1,
): Family {
  return {
    ...{ name, help, type: 'counter', labels: ['cmd'] },
    collect: (scrape, add) => {
      for (const { index, fullName } of calledCommands(scrape)) {
        add(scrape.control.sumOfCommand(kind, index) / unit, [fullName]);
      }
    },
  };
}

/** Of fast commands only some have their time taken: each stands for several calls. */
function addHistogram({ control }: Scrape, { index, fullName }: CommandEntry, add: AddSample) {
  const counts = control.histogram(index);
  const samples = counts.reduce((sum, count) => sum + count, 0);
  if (samples === 0) return;
  const calls = Math.max(samples, control.sumOfCommand('calls', index));
  let below = 0;
  let next = 0;
  for (const exponent of LIMIT_EXPONENTS) {
    const end = bucketOf(2 ** exponent);
    while (next < end) below += counts[next++]!;
    const share = Math.round((below / samples) * calls);
    add(share, [fullName, String(2 ** exponent / 1000)], '_bucket');
  }
  add(calls, [fullName, '+Inf'], '_bucket');
  add(control.sumOfCommand('microseconds', index), [fullName], '_sum');
  add(calls, [fullName], '_count');
}

function addPercentiles({ control, config }: Scrape, entry: CommandEntry, add: AddSample) {
  const { index, fullName } = entry;
  const calls = control.sumOfCommand('calls', index);
  if (calls === 0) return;
  const counts = control.histogram(index);
  for (const percent of config.words('latency-tracking-info-percentiles')) {
    add(percentileMicroseconds(counts, Number(percent)), [fullName, percent]);
  }
  add(control.sumOfCommand('microseconds', index), [fullName], '_sum');
  add(calls, [fullName], '_count');
}

function collectTracked(collect: typeof addPercentiles): Family['collect'] {
  return (scrape, add) => {
    if (!scrape.config.flag('latency-tracking')) return;
    for (const entry of calledCommands(scrape)) collect(scrape, entry, add);
  };
}

export const COMMAND_FAMILIES: readonly Family[] = [
  perCommand('redis_commands_total', 'Calls', 'calls'),
  perCommand('redis_commands_duration_seconds_total', 'Time in commands', 'microseconds', 1e6),
  perCommand('redis_commands_rejected_calls_total', 'Calls refused before they ran', 'rejected'),
  perCommand('redis_commands_failed_calls_total', 'Calls that answered an error', 'failed'),
  {
    name: 'redis_latency_percentiles_usec',
    type: 'summary',
    help: 'Time in a command, in microseconds; quantiles in percent, as redis_exporter has them',
    labels: ['cmd', 'quantile'],
    collect: collectTracked(addPercentiles),
  },
  {
    name: 'redis_commands_latencies_usec',
    type: 'histogram',
    help: 'Time in a command, in microseconds',
    labels: ['cmd', 'le'],
    collect: collectTracked(addHistogram),
  },
  {
    name: 'redis_errors_total',
    type: 'counter',
    help: 'Errors that clients got, by the first word',
    labels: ['err'],
    collect: ({ control }, add) => {
      control.errorNames.texts().forEach((name, index) => {
        const count = control.sumErrors(index);
        if (count > 0) add(count, [name]);
      });
    },
  },
];
