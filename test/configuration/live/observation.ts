/** Directives about what the server tells, and about scripts. */
import { type Effects, isInfo, said, type World } from './effect.js';

/** Runs it, then a line that is logged always: whether the log has got the first one by then. */
let marks = 0;
async function logs({ server, old }: World, run: () => Promise<unknown>, line: RegExp) {
  const mark = `mark ${++marks}.`;
  const before = server.log.match(line)?.length ?? 0;
  await run();
  await old.text('EVAL', `redis.log(redis.LOG_WARNING, '${mark}')`, '0');
  await server.logged(new RegExp(mark));
  return String((server.log.match(line)?.length ?? 0) > before);
}

export const OBSERVATION: Effects = {
  loglevel: {
    set: ['warning', 'notice'],
    seen: ['false', 'true'],
    see: (world) =>
      logs(
        world,
        () => world.old.text('EVAL', "redis.log(redis.LOG_NOTICE, 'noticed')", '0'),
        /noticed/g,
      ),
  },
  'busy-reply-threshold': {
    set: ['5000', '1'],
    seen: ['false', 'true'],
    see: (world) =>
      logs(
        world,
        () => world.old.command('EVAL', 'for i = 1, 2e7 do end', '0'),
        /Slow script detected/g,
      ),
  },
  hz: { set: ['10', '100'], seen: ['true', 'true'], see: isInfo('hz') },
  'slowlog-log-slower-than': {
    set: ['-1', '0'],
    seen: ['0', 'some'],
    see: async ({ old }) => {
      await old.text('SLOWLOG', 'RESET');
      await old.text('PING');
      return (await said(old, 'SLOWLOG', 'LEN')) === '0' ? '0' : 'some';
    },
  },
  'slowlog-max-len': {
    with: ['slowlog-log-slower-than', '0'],
    set: ['128', '1'],
    seen: ['true', 'false'],
    see: async ({ old }) => {
      await old.text('SLOWLOG', 'RESET');
      for (let i = 0; i < 10; i++) await old.text('PING');
      // Each thread has a log of its own.
      return String(Number(await said(old, 'SLOWLOG', 'LEN')) >= 10);
    },
  },
  'latency-monitor-threshold': {
    set: ['0', '1'],
    seen: ['false', 'true'],
    see: async ({ old }) => {
      await old.text('LATENCY', 'RESET');
      await old.text('DEBUG', 'SLEEP', '0.01');
      return String(/command/.test(await said(old, 'LATENCY', 'LATEST')));
    },
  },
  'latency-tracking': {
    set: ['no', 'yes'],
    seen: ['false', 'true'],
    see: async ({ old }) => {
      await old.text('PING');
      return String(/latency_percentiles/.test(await old.text('INFO', 'latencystats')));
    },
  },
  'latency-tracking-info-percentiles': {
    set: ['50', '12.5'],
    seen: ['false', 'true'],
    see: async ({ old }) => String(/:p12\.5=/.test(await old.text('INFO', 'latencystats'))),
  },
  'notify-keyspace-events': {
    set: ['', 'KEA'],
    seen: ['0', '2'],
    see: async ({ server, old }) => {
      const listener = await server.client();
      await listener.text('HELLO', '3');
      listener.write('PSUBSCRIBE __key*\r\n');
      await listener.text('PING');
      listener.pushes.length = 0;
      await old.text('SET', 'seen', 'value');
      // What came before an answer has come.
      await listener.text('PING');
      const events = listener.pushes.length;
      await listener.close();
      return String(events);
    },
  },
};
