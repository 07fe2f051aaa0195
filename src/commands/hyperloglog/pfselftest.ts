/** PFSELFTEST: tests the registers and the estimates. It takes a second or more, as in Redis. */
import { selfTest } from '../../values/hyperloglog/self-test.js';
import type { CommandDefinition } from '../contract/definition.js';

export const pfselftest: CommandDefinition = {
  name: 'pfselftest',
  summary: 'Tests the implementation of HyperLogLogs',
  since: '2.8.9',
  group: 'hyperloglog',
  complexity: 'N/A',
  arity: 1,
  flags: ['admin'],
  docFlags: ['syscmd'],
  run({ reply, settings }) {
    const failure = selfTest({
      random: () => Math.floor(Math.random() * 2 ** 32),
      sparseBytesMax: settings.sparseHyperLogLogBytesMax,
    });
    if (failure === null) reply.ok();
    else reply.errorText(failure);
  },
};
