/** Which programs a run compares. The first is the baseline: ratios are to it. */
import type { Flags } from '../../test/support/flags.js';
import { darter, namedSystem, redis, type System } from './servers.js';

export const systemFlags = { peer: 'texts', subject: 'text', 'no-darter': 'switch' } as const;

export const systemUsage = `  --peer NAME=COMMAND     compare another Redis-compatible program too (repeatable); COMMAND gets
                          redis-server's --port, --save and --dir, or has {port} and {dir} in it
  --subject NAME=COMMAND  this program in Darter's place ('again=redis-server' shows the noise)`;

export function chosenSystems(flags: Flags): System[] {
  const systems = [redis()];
  const subject = flags.text('subject', '');
  if (subject !== '') systems.push(namedSystem(subject));
  else if (!flags.has('no-darter')) systems.push(darter());
  for (const peer of flags.texts('peer')) systems.push(namedSystem(peer));
  const names = new Set(systems.map((system) => system.name));
  if (names.size < systems.length) throw new Error('two systems have the same name');
  if (systems.length < 2) throw new Error('a comparison needs two systems');
  return systems;
}
