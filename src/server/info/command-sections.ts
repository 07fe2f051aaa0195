/** INFO's sections about what was called: commandstats, errorstats, latencystats. */
import type { CommandEntry, CommandRegistry } from '../../commands/contract/context.js';
import { percentileMicroseconds } from '../../memory/histogram.js';
import type { Section } from './source.js';

/** Every command and subcommand. */
function* entries(registry: CommandRegistry): Generator<CommandEntry> {
  for (const entry of registry.commands.values()) {
    yield entry;
    yield* entry.subcommands.values();
  }
}

export const commandStatsSection: Section = ({ control }, { registry }) => {
  const fields: [string, string][] = [];
  for (const { index, fullName } of entries(registry)) {
    const calls = control.sumOfCommand('calls', index);
    const rejected = control.sumOfCommand('rejected', index);
    const failed = control.sumOfCommand('failed', index);
    if (calls === 0 && rejected === 0 && failed === 0) continue;
    const microseconds = control.sumOfCommand('microseconds', index);
    const perCall = calls === 0 ? 0 : microseconds / calls;
    fields.push([
      `cmdstat_${fullName}`,
      `calls=${calls},usec=${Math.round(microseconds)},usec_per_call=${perCall.toFixed(2)}` +
        `,rejected_calls=${rejected},failed_calls=${failed}`,
    ]);
  }
  return fields;
};

export const errorStatsSection: Section = ({ control }) =>
  control.errorNames
    .texts()
    .map((name, index) => [`errorstat_${safeName(name)}`, control.sumErrors(index)] as const)
    .filter(([, count]) => count > 0)
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, count]) => [name, `count=${count}`] as const);

/** As in Redis: what would look like another field or section. */
function safeName(name: string): string {
  return name.replace(/[#:\r\n]/g, '_');
}

export const latencyStatsSection: Section = ({ control, configuration }, { registry }) => {
  if (configuration.value('latency-tracking') === 'no') return [];
  const percentiles = configuration.value('latency-tracking-info-percentiles').split(' ');
  const fields: [string, string][] = [];
  for (const { index, fullName } of entries(registry)) {
    if (control.sumOfCommand('calls', index) === 0) continue;
    const counts = control.histogram(index);
    const values = percentiles
      .filter((percent) => percent !== '')
      .map((text) => `p${text}=${percentileMicroseconds(counts, Number(text)).toFixed(3)}`);
    fields.push([`latency_percentiles_usec_${fullName}`, values.join(',')]);
  }
  return fields;
};
