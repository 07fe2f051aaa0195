/** TIME */
import type { CommandDefinition } from '../contract/definition.js';

/** How far the precise clock may stray from the system's before that counts alone. */
const DRIFT_MS_MAX = 2;

/** Microseconds since 1970. The precise clock does not follow when the system's is set. */
function microseconds(): number {
  const precise = performance.timeOrigin + performance.now();
  const system = Date.now();
  return Math.floor((Math.abs(precise - system) > DRIFT_MS_MAX ? system : precise) * 1000);
}

export const time: CommandDefinition = {
  name: 'time',
  summary: 'Tells the time: seconds since 1970 and microseconds',
  since: '2.6.0',
  group: 'server',
  complexity: 'O(1)',
  arity: 1,
  flags: ['loading', 'stale', 'fast'],
  tips: ['nondeterministic_output'],
  run({ reply }) {
    const now = microseconds();
    reply.array(2);
    reply.bulkInteger(Math.floor(now / 1e6));
    reply.bulkInteger(now % 1e6);
  },
};
