/** SET: the commonest write. Without options it takes a short path. */
import type { ArgumentVector } from '../../base/arguments.js';
import { invalidExpire, SYNTAX } from '../../protocol/errors.js';
import { argumentIs } from '../../protocol/text.js';
import type { Context } from '../contract/context.js';
import type { CommandDefinition } from '../contract/definition.js';
import { keyFlagBits } from '../contract/key-flags.js';
import {
  OPTION_GET,
  OPTION_KEEPTTL,
  OPTION_NX,
  OPTION_PERSIST,
  OPTION_XX,
  OPTIONS_TIMED,
  options,
  optionTime,
  parseOptions,
} from './lib/options.js';
import { isString, replyValue, storeArgument, storeArgumentUntil } from './lib/values.js';

const INVALID_EXPIRE = invalidExpire('set');

function run(context: Context): void {
  if (context.args.count > 3) {
    runWithOptions(context);
    return;
  }
  context.keys.seek(context.args, 1);
  storeArgument(context, 2, 0);
  context.reply.ok();
}

function runWithOptions(context: Context): void {
  const { args, keys, reply } = context;
  if (!parseOptions(args, 3, ~OPTION_PERSIST)) {
    reply.error(SYNTAX);
    return;
  }
  const given = options.given;
  let expiry = 0;
  if ((given & OPTIONS_TIMED) !== 0) {
    expiry = optionTime(context, INVALID_EXPIRE);
    if (expiry === 0) return;
  }
  const wantsOld = (given & OPTION_GET) !== 0;
  const found = wantsOld ? keys.seekForRead(args, 1) : keys.seek(args, 1);
  if (wantsOld && found && !isString(context)) return;
  const refused = (given & (found ? OPTION_NX : OPTION_XX)) !== 0;
  // The old value has to be read out before the new one takes its place.
  if (wantsOld && found) replyValue(context);
  else if (wantsOld || refused) reply.nullBulk();
  else reply.ok();
  if (!refused) store(context, found, given, expiry);
}

function store(context: Context, found: boolean, given: number, expiry: number): void {
  if ((given & OPTION_KEEPTTL) !== 0) storeArgument(context, 2, found ? context.keys.expiry : 0);
  else if (expiry === 0) storeArgument(context, 2, 0);
  else storeArgumentUntil(context, 2, expiry);
}

const READS_AND_WRITES = keyFlagBits(['RW', 'access', 'update']);
const OVERWRITES = keyFlagBits(['OW', 'update']);

function readsOldValue(args: ArgumentVector): boolean {
  for (let i = 3; i < args.count; i++) {
    if (argumentIs(args, i, 'GET')) return true;
  }
  return false;
}

export const set: CommandDefinition = {
  name: 'set',
  summary: 'Stores a string under a key, with conditions and an expiry if wished',
  since: '1.0.0',
  group: 'string',
  complexity: 'O(1)',
  arity: -3,
  flags: ['write', 'denyoom'],
  keys: [
    {
      flags: ['RW', 'access', 'update', 'variable_flags'],
      flagsOf: (args) => (readsOldValue(args) ? READS_AND_WRITES : OVERWRITES),
      notes: 'reads the old value when GET is given',
      begin: { index: 1 },
      find: { last: 0, step: 1, limit: 0 },
    },
  ],
  arguments: [
    { name: 'key', type: 'key', keySpecIndex: 0 },
    { name: 'value', type: 'string' },
    {
      name: 'condition',
      type: 'oneof',
      since: '2.6.12',
      flags: ['optional'],
      arguments: [
        { name: 'nx', type: 'pure-token', token: 'NX' },
        { name: 'xx', type: 'pure-token', token: 'XX' },
      ],
    },
    { name: 'get', type: 'pure-token', token: 'GET', since: '6.2.0', flags: ['optional'] },
    {
      name: 'expiration',
      type: 'oneof',
      flags: ['optional'],
      arguments: [
        { name: 'seconds', type: 'integer', token: 'EX', since: '2.6.12' },
        { name: 'milliseconds', type: 'integer', token: 'PX', since: '2.6.12' },
        { name: 'unix-time-seconds', type: 'unix-time', token: 'EXAT', since: '6.2.0' },
        { name: 'unix-time-milliseconds', type: 'unix-time', token: 'PXAT', since: '6.2.0' },
        { name: 'keepttl', type: 'pure-token', token: 'KEEPTTL', since: '6.0.0' },
      ],
    },
  ],
  history: [
    ['2.6.12', 'EX, PX, NX and XX.'],
    ['6.0.0', 'KEEPTTL.'],
    ['6.2.0', 'GET, EXAT and PXAT.'],
    ['7.0.0', 'NX together with GET.'],
  ],
  run,
};
