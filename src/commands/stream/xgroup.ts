/** XGROUP: makes, changes and removes consumer groups and their consumers. */
import {
  EVENT_XGROUP_CREATE,
  EVENT_XGROUP_CREATECONSUMER,
  EVENT_XGROUP_DELCONSUMER,
  EVENT_XGROUP_DESTROY,
  EVENT_XGROUP_SETID,
} from '../../keyspace/events.js';
import { BUSY_GROUP, ErrorReply, NOT_INTEGER, STREAM_ID } from '../../protocol/errors.js';
import { argumentIs } from '../../protocol/text.js';
import { Count } from '../../values/stream/count.js';
import { STREAM_KIND } from '../../values/stream/layout.js';
import { addId, FORM_EDGES, StreamId } from '../../values/stream/stream-id.js';
import { buildStream } from '../../values/stream/views.js';
import type { Context } from '../contract/context.js';
import {
  type ArgumentSpecification,
  type CommandDefinition,
  type ContainerDefinition,
  keysAt,
} from '../contract/definition.js';
import { replyHelp, wrongSubcommandUse } from '../contract/help.js';
import { countAt } from './lib/count.js';
import {
  findConsumer,
  findGroup,
  groups,
  makeConsumer,
  replyQuoting,
  saveGroup,
} from './lib/group.js';
import {
  idAt,
  isCharacter,
  isId,
  isStream,
  KEY,
  optionalInteger,
  storeBuilt,
  streamFound,
} from './lib/values.js';

const NO_KEY = new ErrorReply(
  'ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option to create an empty stream automatically.',
);
const READ_NEGATIVE = new ErrorReply('ERR value for ENTRIESREAD must be positive or -1');
const DOLLAR = 36;
const GROUP = 3;
const ID = 4;
const CONSUMER = 4;

const id = new StreamId();
let makesStream = false;
const entriesRead = new Count();

/** The options behind the id. False: the error is answered. */
function parseOptions(context: Context, isCreate: boolean): boolean {
  const { args, reply } = context;
  makesStream = false;
  entriesRead.setUnknown();
  for (let i = ID + 1; i < args.count; i++) {
    if (isCreate && argumentIs(args, i, 'MKSTREAM')) makesStream = true;
    else if (argumentIs(args, i, 'ENTRIESREAD') && i + 1 < args.count) {
      if (!countAt(context, ++i, NOT_INTEGER, entriesRead)) return false;
      const isWrong = entriesRead.isNegative && !entriesRead.isUnknown;
      if (isWrong && !context.settings.replaysEffects) {
        reply.error(READ_NEGATIVE);
        return false;
      }
    } else {
      reply.error(wrongSubcommandUse(context, 'xgroup'));
      return false;
    }
  }
  return true;
}

const KEY_GONE = 0;
const GROUP_GONE = 1;
const GROUP_FOUND = 2;
const ANSWERED = 3;

/** Opens the stream and the group. */
function open(context: Context, mayLackKey: boolean): number {
  const { args, keys, reply } = context;
  if (keys.seek(args, 2)) {
    if (!isStream(context)) return ANSWERED;
    return findGroup(context, GROUP) ? GROUP_FOUND : GROUP_GONE;
  }
  if (mayLackKey) return KEY_GONE;
  reply.error(NO_KEY);
  return ANSWERED;
}

/** The same for what needs the group. False: the error is answered. */
function openGroup(context: Context): boolean {
  const state = open(context, false);
  if (state === GROUP_GONE) {
    replyQuoting(context, "NOGROUP No such consumer group '", GROUP, "' for key name '", 2, "'");
  }
  return state === GROUP_FOUND;
}

function runCreate(context: Context): void {
  const { args, keys, reply } = context;
  if (!parseOptions(context, true)) return;
  const state = open(context, makesStream);
  if (state === ANSWERED) return;
  if (args.count > 8) {
    reply.error(wrongSubcommandUse(context, 'xgroup'));
    return;
  }
  if (isCharacter(context, ID, DOLLAR)) {
    if (state === KEY_GONE) id.setLowest();
    else streamFound(context).lastId(id);
  } else if (!idAt(context, ID, id)) return;
  if (state === GROUP_FOUND) {
    reply.error(BUSY_GROUP);
    return;
  }
  if (state === KEY_GONE) createStream(context);
  else {
    groups.open(streamFound(context));
    if (!addGroup(context)) throw keys.full();
    keys.beginEdit(STREAM_KIND, keys.valueLength, true);
  }
  reply.ok();
  const effect = keys.custom(EVENT_XGROUP_CREATE, 'XGROUP', 'CREATE').argument(args, GROUP);
  addId(effect, id);
  if (state === KEY_GONE) effect.word('MKSTREAM');
  entriesRead.addTo(effect.word('ENTRIESREAD')).end();
}

function addGroup({ args }: Context): boolean {
  const offset = args.offset[GROUP]!;
  return groups.addGroup(args.region, offset, args.length[GROUP]!, id, entriesRead);
}

/** Begins storing a stream with the group and no entry. @throws StoreFullError */
function createStream(context: Context): void {
  const { keys } = context;
  const stream = buildStream(keys.space);
  groups.open(stream);
  if (!addGroup(context)) throw keys.full();
  storeBuilt(context, stream);
}

function runSetid(context: Context): void {
  const { args, keys, reply } = context;
  if (!parseOptions(context, false) || !openGroup(context)) return;
  if (args.count !== 5 && args.count !== 7) {
    reply.error(wrongSubcommandUse(context, 'xgroup'));
    return;
  }
  if (isCharacter(context, ID, DOLLAR)) streamFound(context).lastId(id);
  else if (!isId(context, ID, FORM_EDGES, 0, id)) {
    reply.error(STREAM_ID);
    return;
  }
  groups.lastId.copyFrom(id);
  groups.entriesRead.copyFrom(entriesRead);
  saveGroup(context, GROUP);
  keys.beginEdit(STREAM_KIND, keys.valueLength, true);
  reply.ok();
  const effect = keys.customUnsignalled('XGROUP', 'SETID').argument(args, GROUP);
  entriesRead.addTo(addId(effect, id).word('ENTRIESREAD')).end();
  keys.announce(EVENT_XGROUP_SETID);
}

function runDestroy(context: Context): void {
  const { args, keys, reply } = context;
  const state = open(context, false);
  if (state === ANSWERED) return;
  reply.integer(state === GROUP_FOUND ? 1 : 0);
  if (state !== GROUP_FOUND) return;
  groups.removeGroup(args.region, args.offset[GROUP]!, args.length[GROUP]!);
  keys.beginEdit(STREAM_KIND, keys.valueLength, true);
  keys.commit(EVENT_XGROUP_DESTROY, args);
}

function runCreateConsumer(context: Context): void {
  const { args, keys, reply } = context;
  if (!openGroup(context)) return;
  const found = findConsumer(context, CONSUMER);
  reply.integer(found ? 0 : 1);
  if (found) return;
  makeConsumer(context, CONSUMER);
  keys.commit(EVENT_XGROUP_CREATECONSUMER, args);
}

function runDelConsumer(context: Context): void {
  const { args, keys, reply } = context;
  if (!openGroup(context)) return;
  if (!findConsumer(context, CONSUMER)) {
    reply.integer(0);
    return;
  }
  reply.integer(groups.ownedCount);
  groups.removeConsumer();
  keys.beginEdit(STREAM_KIND, keys.valueLength, true);
  keys.commit(EVENT_XGROUP_DELCONSUMER, args);
}

const SHARED = { since: '5.0.0', group: 'stream' } as const;
const GROUP_NAME = { name: 'groupname', type: 'string' } as const;
const CONSUMER_NAME = { name: 'consumername', type: 'string' } as const;
const IDS: readonly ArgumentSpecification[] = [
  { name: 'id', type: 'string' },
  { name: 'new_id', type: 'pure-token', token: '$' },
];
const NEW_ID = { name: 'id', type: 'oneof', arguments: IDS } as const;
const ENTRIES_READ = optionalInteger('entries_read', 'ENTRIESREAD');

export const xgroup: ContainerDefinition = {
  ...SHARED,
  name: 'xgroup',
  summary: 'Commands about consumer groups',
  complexity: 'Depends on subcommand.',
  arity: -2,
  flags: [],
  container: true,
};

export const xgroupCreate: CommandDefinition = {
  ...SHARED,
  name: 'xgroup|create',
  summary: 'Makes a consumer group',
  complexity: 'O(1)',
  arity: -5,
  flags: ['write', 'denyoom'],
  keys: [keysAt(2, 0, 1, 'RW', 'insert')],
  arguments: [
    KEY,
    GROUP_NAME,
    NEW_ID,
    { name: 'mkstream', type: 'pure-token', token: 'MKSTREAM', flags: ['optional'] },
    ENTRIES_READ,
  ],
  history: [['7.0.0', 'Added the `entries_read` named argument.']],
  elements: { by: 'group', group: GROUP },
  run: runCreate,
};

export const xgroupSetid: CommandDefinition = {
  ...SHARED,
  name: 'xgroup|setid',
  summary: 'Sets the last id that a consumer group has delivered',
  complexity: 'O(1)',
  arity: -5,
  flags: ['write'],
  keys: [keysAt(2, 0, 1, 'RW', 'update')],
  arguments: [KEY, GROUP_NAME, NEW_ID, ENTRIES_READ],
  history: [['7.0.0', 'Added the optional `entries_read` argument.']],
  elements: { by: 'group', group: GROUP },
  run: runSetid,
};

export const xgroupDestroy: CommandDefinition = {
  ...SHARED,
  name: 'xgroup|destroy',
  summary: 'Removes a consumer group',
  complexity: "O(N) where N is the number of entries in the group's pending entries list (PEL).",
  arity: 4,
  flags: ['write'],
  keys: [keysAt(2, 0, 1, 'RW', 'delete')],
  arguments: [KEY, GROUP_NAME],
  elements: { by: 'group', group: GROUP, removes: true },
  run: runDestroy,
};

export const xgroupCreateConsumer: CommandDefinition = {
  ...SHARED,
  name: 'xgroup|createconsumer',
  summary: 'Makes a consumer of a group',
  since: '6.2.0',
  complexity: 'O(1)',
  arity: 5,
  flags: ['write', 'denyoom'],
  keys: [keysAt(2, 0, 1, 'RW', 'insert')],
  arguments: [KEY, GROUP_NAME, CONSUMER_NAME],
  elements: { by: 'group', group: GROUP },
  run: runCreateConsumer,
};

export const xgroupDelConsumer: CommandDefinition = {
  ...SHARED,
  name: 'xgroup|delconsumer',
  summary: 'Removes a consumer from a group, with what is pending for it',
  complexity: 'O(1)',
  arity: 5,
  flags: ['write'],
  keys: [keysAt(2, 0, 1, 'RW', 'delete')],
  arguments: [KEY, GROUP_NAME, CONSUMER_NAME],
  elements: { by: 'group', group: GROUP },
  run: runDelConsumer,
};

export const xgroupHelp: CommandDefinition = {
  ...SHARED,
  name: 'xgroup|help',
  summary: 'Lists the subcommands',
  complexity: 'O(1)',
  arity: 2,
  flags: ['loading', 'stale'],
  run: (context) => replyHelp(context, 'xgroup'),
};
