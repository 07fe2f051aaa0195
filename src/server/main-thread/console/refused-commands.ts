/**
 * Commands that the console does not run, whatever its user may: those that take their connection over,
 * and those that wait. redis-cli is for them.
 */

const REFUSED: Readonly<Record<string, string>> = {
  auth: 'log out of the console, and in again',
  hello: 'the console speaks RESP2, and logs in by its page',
  reset: 'log out of the console instead',
  quit: 'log out of the console instead',
  monitor: 'it has no end',
  subscribe: 'it has no end',
  psubscribe: 'it has no end',
  ssubscribe: 'it has no end',
  unsubscribe: 'it subscribes to nothing',
  punsubscribe: 'it subscribes to nothing',
  sunsubscribe: 'it subscribes to nothing',
  sync: 'it is for replicas',
  psync: 'it is for replicas',
  replconf: 'it is for replicas',
  darter: 'it is for replicas',
};
/** Their replies do not come one to a command. */
const REFUSED_SUBCOMMANDS: readonly string[] = ['client reply', 'client tracking'];
/** Wait for what others do. */
const WAITING: readonly string[] = [
  ...['blpop', 'brpop', 'blmove', 'brpoplpush', 'blmpop', 'bzpopmin', 'bzpopmax', 'bzmpop'],
  ...['wait', 'waitaof'],
];
/** Wait only with this option. */
const WAITING_WITH_BLOCK: readonly string[] = ['xread', 'xreadgroup'];

/**
 * @param name the command's own, in lower case, whatever rename-command calls it
 * @returns the text of an error, or null: it may be sent
 */
export function whyRefused(words: readonly string[], name: string): string | null {
  const second = (words[1] ?? '').toLowerCase();
  const shown = words[0]!.toUpperCase();
  const reason = REFUSED[name];
  if (reason !== undefined) return `ERR the console does not run ${shown}: ${reason}`;
  if (REFUSED_SUBCOMMANDS.includes(`${name} ${second}`)) {
    return `ERR the console does not run ${shown} ${second.toUpperCase()}: use redis-cli`;
  }
  const blocks = words.some((word) => word.toLowerCase() === 'block');
  const waits = WAITING.includes(name) || (WAITING_WITH_BLOCK.includes(name) && blocks);
  return waits ? `ERR the console does not wait, as ${shown} does: use redis-cli` : null;
}
