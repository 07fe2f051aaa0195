/** LATENCY LATEST, HISTORY, RESET, HISTOGRAM and HELP */
import type { CommandEntry, Context } from '../contract/context.js';
import type { CommandDefinition, ContainerDefinition } from '../contract/definition.js';
import { replyHelp } from '../contract/help.js';
import { wordsOf } from '../contract/words.js';

export const latency: ContainerDefinition = {
  name: 'latency',
  summary: 'Commands that watch for delays',
  since: '2.8.13',
  group: 'server',
  complexity: 'Depends on subcommand.',
  arity: -2,
  flags: [],
  container: true,
};

export const latencyLatest: CommandDefinition = {
  name: 'latency|latest',
  summary: 'Tells the latest sample of every kind of event',
  since: '2.8.13',
  group: 'server',
  complexity: 'O(1)',
  arity: 2,
  flags: ['admin', 'noscript', 'loading', 'stale'],
  tips: ['nondeterministic_output', 'request_policy:all_nodes', 'response_policy:special'],
  locks: 'none',
  unmonitored: true,
  run({ reply, server }) {
    const events = server.latency.events();
    reply.array(events.length);
    for (const { name, maximum, samples } of events) {
      const latest = samples[samples.length - 1]!;
      reply.array(4);
      reply.bulkBinary(name);
      reply.integer(latest.timeSeconds);
      reply.integer(latest.milliseconds);
      reply.integer(maximum);
    }
  },
};

export const latencyHistory: CommandDefinition = {
  name: 'latency|history',
  summary: 'Tells the samples of one kind of event',
  since: '2.8.13',
  group: 'server',
  complexity: 'O(1)',
  arity: 3,
  flags: ['admin', 'noscript', 'loading', 'stale'],
  arguments: [{ name: 'event', type: 'string' }],
  tips: ['nondeterministic_output', 'request_policy:all_nodes', 'response_policy:special'],
  locks: 'none',
  unmonitored: true,
  run(context) {
    const { reply, server } = context;
    const wanted = context.text(2);
    const event = server.latency.events().find(({ name }) => name === wanted);
    const samples = event?.samples ?? [];
    reply.array(samples.length);
    for (const { timeSeconds, milliseconds } of samples) {
      reply.array(2);
      reply.integer(timeSeconds);
      reply.integer(milliseconds);
    }
  },
};

export const latencyReset: CommandDefinition = {
  name: 'latency|reset',
  summary: 'Forgets the samples of some or all kinds of events',
  since: '2.8.13',
  group: 'server',
  complexity: 'O(1)',
  arity: -2,
  flags: ['admin', 'noscript', 'loading', 'stale'],
  arguments: [{ name: 'event', type: 'string', flags: ['optional', 'multiple'] }],
  tips: ['request_policy:all_nodes', 'response_policy:all_succeeded'],
  locks: 'none',
  unmonitored: true,
  run(context) {
    const names = wordsOf(context, 2);
    if (names !== null) context.reply.integer(context.server.latency.reset(names));
  },
};

/** The commands named (a container stands for its subcommands, no name for all) that have been called. */
function measured({ registry, server }: Context, names: readonly string[]): CommandEntry[] {
  const roots =
    names.length === 0
      ? [...registry.commands.values()]
      : names.map((name) => registry.lookup(name.toLowerCase()));
  const found = new Set<CommandEntry>();
  for (const entry of roots) {
    if (entry === undefined) continue;
    for (const one of [entry, ...entry.subcommands.values()]) {
      if (server.statistics.calls(one) > 0) found.add(one);
    }
  }
  return [...found];
}

export const latencyHistogram: CommandDefinition = {
  name: 'latency|histogram',
  summary: 'Tells how the times of commands are distributed',
  since: '7.0.0',
  group: 'server',
  complexity: 'O(N) where N is the number of commands with latency information being retrieved.',
  arity: -2,
  flags: ['admin', 'noscript', 'loading', 'stale'],
  arguments: [{ name: 'command', type: 'string', flags: ['optional', 'multiple'] }],
  tips: ['nondeterministic_output', 'request_policy:all_nodes', 'response_policy:special'],
  locks: 'none',
  unmonitored: true,
  run(context) {
    const { reply, server } = context;
    const names = wordsOf(context, 2);
    if (names === null) return;
    const entries = measured(context, names);
    reply.map(entries.length);
    for (const entry of entries) {
      const { calls, buckets } = server.statistics.histogram(entry);
      reply.bulkText(entry.fullName);
      reply.map(2);
      reply.bulkText('calls');
      reply.integer(calls);
      reply.bulkText('histogram_usec');
      reply.map(buckets.length);
      for (const [microseconds, count] of buckets) {
        reply.integer(microseconds);
        reply.integer(count);
      }
    }
  },
};

export const latencyHelp: CommandDefinition = {
  name: 'latency|help',
  summary: 'Lists the subcommands',
  since: '2.8.13',
  group: 'server',
  complexity: 'O(1)',
  arity: 2,
  flags: ['loading', 'stale'],
  run: (context) => replyHelp(context, 'latency'),
};
