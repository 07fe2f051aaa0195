/**
 * CLIENT TRACKING, CACHING, GETREDIR and TRACKINGINFO: clients that keep what they have read, and are told
 * when it changes (engine/tracking/).
 */
import { ErrorReply, NOT_INTEGER, SYNTAX } from '../../protocol/errors.js';
import { NOT_AN_INTEGER, ParsedInteger, parseInteger } from '../../protocol/numbers.js';
import type { Reply } from '../../protocol/reply.js';
import { argumentIs } from '../../protocol/text.js';
import type { Context } from '../contract/context.js';
import type { CommandDefinition } from '../contract/definition.js';
import type { ClientTracking, TrackingOptions } from '../contract/tracking-port.js';

const REDIRECTED_TWICE = new ErrorReply('ERR A client can only redirect to a single other client');
const NO_SUCH_CLIENT = new ErrorReply('ERR The client ID you want redirect to does not exist');
const PREFIX_ALONE = new ErrorReply('ERR PREFIX option requires BCAST mode to be enabled');
const OTHER_BROADCASTS = new ErrorReply(
  "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then " +
    're-enabling it with a different mode.',
);
const BROADCASTS_OPT = new ErrorReply('ERR OPTIN and OPTOUT are not compatible with BCAST');
const BOTH_OPT = new ErrorReply("ERR You can't specify both OPTIN mode and OPTOUT mode");
const OTHER_OPT = new ErrorReply(
  "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then " +
    're-enabling it with a different mode.',
);
const NO_ROOM = new ErrorReply('OOM no room for more prefixes of clients that track');
const NOT_TRACKING = new ErrorReply(
  'ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or ' +
    'OPTOUT mode enabled',
);
const NOT_OPT_IN = new ErrorReply(
  'ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.',
);
const NOT_OPT_OUT = new ErrorReply(
  'ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.',
);

const parsed = new ParsedInteger();

/** @returns the error, or null */
function readRedirect({ args, server }: Context, index: number, options: TrackingOptions) {
  if (options.redirect !== 0) return REDIRECTED_TWICE;
  if (
    parseInteger(args.region, args.offset[index]!, args.length[index]!, parsed) === NOT_AN_INTEGER
  ) {
    return NOT_INTEGER;
  }
  const id = parsed.value;
  if (!Number.isSafeInteger(id) || id < 1 || !server.tracking.findRedirect(id))
    return NO_SUCH_CLIENT;
  options.redirect = id;
  return null;
}

/** Reads the options after ON or OFF. @returns the error, or null */
function readOptions(context: Context, options: TrackingOptions): ErrorReply | null {
  const { args } = context;
  for (let i = 3; i < args.count; i++) {
    const hasMore = i + 1 < args.count;
    if (hasMore && argumentIs(args, i, 'REDIRECT')) {
      const error = readRedirect(context, ++i, options);
      if (error !== null) return error;
    } else if (argumentIs(args, i, 'BCAST')) options.broadcasts = true;
    else if (argumentIs(args, i, 'OPTIN')) options.optIn = true;
    else if (argumentIs(args, i, 'OPTOUT')) options.optOut = true;
    else if (argumentIs(args, i, 'NOLOOP')) options.noLoop = true;
    else if (hasMore && argumentIs(args, i, 'PREFIX')) options.prefixes.push(context.text(++i));
    else return SYNTAX;
  }
  return null;
}

/** Whether the options go together, and with what the client has asked for before. */
function conflict(options: TrackingOptions, before: ClientTracking | null): ErrorReply | null {
  const { broadcasts, optIn, optOut, prefixes } = options;
  if (!broadcasts && prefixes.length > 0) return PREFIX_ALONE;
  if (before !== null && before.broadcasts !== broadcasts) return OTHER_BROADCASTS;
  if (broadcasts && (optIn || optOut)) return BROADCASTS_OPT;
  if (optIn && optOut) return BOTH_OPT;
  if (before !== null && ((optIn && before.optOut) || (optOut && before.optIn))) return OTHER_OPT;
  return broadcasts ? overlap(prefixes, [...(before?.prefixes ?? [])].sort()) : null;
}

/** Prefixes of one client must not overlap: it would hear twice of one key. */
function overlap(prefixes: readonly string[], existing: readonly string[]): ErrorReply | null {
  const overlapping = overlappingOf([...prefixes, ...existing]);
  const first = prefixes.findIndex((prefix) => overlapping.has(prefix));
  if (first < 0) return null;
  const prefix = prefixes[first]!;
  const known = existing.find((other) => overlaps(prefix, other));
  if (known !== undefined) return overlapError(prefix, 'an existing', known);
  // It is the first of those that overlap, so the other one comes later.
  const given = prefixes.slice(first + 1).find((other) => overlaps(prefix, other));
  return overlapError(prefix, 'another provided', given!);
}

/** Those that another one overlaps. In order, all that begin with a text follow it: there may be many. */
function overlappingOf(prefixes: readonly string[]): Set<string> {
  const found = new Set<string>();
  let first: string | undefined;
  for (const prefix of prefixes.toSorted()) {
    if (first === undefined || !prefix.startsWith(first)) first = prefix;
    else found.add(first).add(prefix);
  }
  return found;
}

function overlaps(one: string, other: string): boolean {
  return one.startsWith(other) || other.startsWith(one);
}

function overlapError(prefix: string, which: string, other: string): ErrorReply {
  // Redis writes both with C's functions, which end at the first zero byte.
  const shown = (text: string) => text.split('\0', 1)[0]!;
  return new ErrorReply(
    `ERR Prefix '${shown(prefix)}' overlaps with ${which} prefix '${shown(other)}'. ` +
      'Prefixes for a single client must not overlap.',
  );
}

function runTracking(context: Context): void {
  const { args, reply, session, server } = context;
  const options: TrackingOptions = {
    ...{ redirect: 0, broadcasts: false, optIn: false, optOut: false, noLoop: false },
    prefixes: [],
  };
  const error = readOptions(context, options);
  if (error !== null) {
    reply.error(error);
    return;
  }
  if (argumentIs(args, 2, 'ON')) {
    const reason = conflict(options, session.tracking);
    if (reason !== null) reply.error(reason);
    else if (!server.tracking.enable(session, options)) reply.error(NO_ROOM);
    else reply.ok();
  } else if (argumentIs(args, 2, 'OFF')) {
    server.tracking.disable(session);
    reply.ok();
  } else reply.error(SYNTAX);
}

export const clientTracking: CommandDefinition = {
  name: 'client|tracking',
  summary: 'Switches support for client-side caching on or off',
  since: '6.0.0',
  group: 'connection',
  complexity: 'O(1). Some options may introduce additional complexity.',
  arity: -3,
  flags: ['noscript', 'loading', 'stale'],
  arguments: [
    {
      name: 'status',
      type: 'oneof',
      arguments: [
        { name: 'on', type: 'pure-token', token: 'ON' },
        { name: 'off', type: 'pure-token', token: 'OFF' },
      ],
    },
    { name: 'client-id', type: 'integer', token: 'REDIRECT', flags: ['optional'] },
    {
      name: 'prefix',
      type: 'string',
      token: 'PREFIX',
      flags: ['optional', 'multiple', 'multiple_token'],
    },
    { name: 'bcast', type: 'pure-token', token: 'BCAST', flags: ['optional'] },
    { name: 'optin', type: 'pure-token', token: 'OPTIN', flags: ['optional'] },
    { name: 'optout', type: 'pure-token', token: 'OPTOUT', flags: ['optional'] },
    { name: 'noloop', type: 'pure-token', token: 'NOLOOP', flags: ['optional'] },
  ],
  locks: 'none',
  run: runTracking,
};

function give(
  reply: Reply,
  tracking: ClientTracking,
  isValid: boolean,
  otherwise: ErrorReply,
): void {
  if (!isValid) {
    reply.error(otherwise);
    return;
  }
  tracking.cachingGiven = true;
  reply.ok();
}

export const clientCaching: CommandDefinition = {
  name: 'client|caching',
  summary: 'Says whether the keys of the next command are to be tracked',
  since: '6.0.0',
  group: 'connection',
  complexity: 'O(1)',
  arity: 3,
  flags: ['noscript', 'loading', 'stale'],
  arguments: [
    {
      name: 'mode',
      type: 'oneof',
      arguments: [
        { name: 'yes', type: 'pure-token', token: 'YES' },
        { name: 'no', type: 'pure-token', token: 'NO' },
      ],
    },
  ],
  run({ args, reply, session: { tracking } }) {
    if (tracking === null) reply.error(NOT_TRACKING);
    else if (argumentIs(args, 2, 'YES')) give(reply, tracking, tracking.optIn, NOT_OPT_IN);
    else if (argumentIs(args, 2, 'NO')) give(reply, tracking, tracking.optOut, NOT_OPT_OUT);
    else reply.error(SYNTAX);
  },
};

export const clientGetredir: CommandDefinition = {
  name: 'client|getredir',
  summary: 'Tells to which connection notices of client-side caching go',
  since: '6.0.0',
  group: 'connection',
  complexity: 'O(1)',
  arity: 2,
  flags: ['noscript', 'loading', 'stale'],
  run({ reply, session }) {
    reply.integer(session.tracking?.redirect ?? -1);
  },
};

function flagsOf(tracking: ClientTracking): string[] {
  const { broadcasts, optIn, optOut, noLoop, isBroken, cachingGiven } = tracking;
  const flags = ['on'];
  if (broadcasts) flags.push('bcast');
  if (optIn) flags.push('optin', ...(cachingGiven ? ['caching-yes'] : []));
  if (optOut) flags.push('optout', ...(cachingGiven ? ['caching-no'] : []));
  if (noLoop) flags.push('noloop');
  if (isBroken) flags.push('broken_redirect');
  return flags;
}

export const clientTrackinginfo: CommandDefinition = {
  name: 'client|trackinginfo',
  summary: 'Tells about client-side caching on this connection',
  since: '6.2.0',
  group: 'connection',
  complexity: 'O(1)',
  arity: 2,
  flags: ['noscript', 'loading', 'stale'],
  run({ reply, session: { tracking } }) {
    const flags = tracking === null ? ['off'] : flagsOf(tracking);
    reply.map(3);
    reply.bulkText('flags');
    reply.set(flags.length);
    for (const flag of flags) reply.bulkText(flag);
    reply.bulkText('redirect');
    reply.integer(tracking?.redirect ?? -1);
    reply.bulkText('prefixes');
    const prefixes = [...(tracking?.prefixes ?? [])].sort();
    reply.array(prefixes.length);
    for (const prefix of prefixes) reply.bulkBinary(prefix);
  },
};
