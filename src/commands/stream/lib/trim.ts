/** MAXLEN and MINID of XADD and XTRIM: their arguments, and what they remove. */

import { EVENT_XTRIM } from '../../../keyspace/events.js';
import { ErrorReply, STREAM_ID, SYNTAX } from '../../../protocol/errors.js';
import { argumentIs } from '../../../protocol/text.js';
import { STREAM_KIND } from '../../../values/stream/layout.js';
import { addId, FORM_NEW, idParser, StreamId } from '../../../values/stream/stream-id.js';
import type { Context } from '../../contract/context.js';
import type { ArgumentSpecification } from '../../contract/definition.js';
import { idAt, integerAt, isCharacter, isId, streamFound } from './values.js';

const INCOMPATIBLE = new ErrorReply(
  'ERR syntax error, MAXLEN and MINID options at the same time are not compatible',
);
const LENGTH_NEGATIVE = new ErrorReply('ERR The MAXLEN argument must be >= 0.');
const LIMIT_NEGATIVE = new ErrorReply('ERR The LIMIT argument must be >= 0.');
const LIMIT_ALONE = new ErrorReply(
  'ERR syntax error, LIMIT cannot be used without specifying a trimming strategy',
);
const NO_STRATEGY = new ErrorReply(
  'ERR syntax error, XTRIM must be called with a trimming strategy',
);
const LIMIT_EXACT = new ErrorReply(
  'ERR syntax error, LIMIT cannot be used without the special ~ option',
);
const TILDE = 126;
const EQUALS = 61;
const STAR = 42;
/** How many nodes `~` removes at most, and how many entries when nodes have no limit. */
const NODES_MAX = 100;
const ENTRIES_MAX_DEFAULT = 10_000;
const ENTRIES_MAX = 1_000_000;

const BY_NOTHING = 0;
const BY_LENGTH = 1;
const BY_ID = 2;

/** What XADD and XTRIM are told before the id. One for each thread. */
export class TrimArguments {
  strategy = BY_NOTHING;
  isApproximate = false;
  length = 0;
  readonly minimum = new StreamId();
  limit = 0;
  makesStream = true;
  /** XADD: whether an id, and its sequence number, are given. */
  idIsGiven = false;
  sequenceIsGiven = false;
  readonly id = new StreamId();
  private limitIsGiven = false;

  get trims(): boolean {
    return this.strategy !== BY_NOTHING;
  }

  /** @returns the argument after the options: XADD's id. -1: the error is answered */
  parse(context: Context, isAdd: boolean): number {
    this.strategy = BY_NOTHING;
    this.isApproximate = false;
    this.limit = 0;
    this.limitIsGiven = false;
    this.makesStream = true;
    this.idIsGiven = false;
    this.sequenceIsGiven = false;
    const { args } = context;
    let index = 2;
    for (; index < args.count; index++) {
      if (isAdd && isCharacter(context, index, STAR)) break;
      const next = this.parseOption(context, index, isAdd);
      if (next < 0) return -1;
      if (next === index) break;
      index = next - 1;
    }
    return this.check(context, isAdd) ? index : -1;
  }

  /** @returns the argument behind the option, `index` itself for XADD's id, -1 after an error */
  private parseOption(context: Context, index: number, isAdd: boolean): number {
    const { args, reply } = context;
    const hasMore = index + 1 < args.count;
    if (hasMore && argumentIs(args, index, 'MAXLEN')) {
      return this.parseStrategy(context, index + 1, BY_LENGTH);
    }
    if (hasMore && argumentIs(args, index, 'MINID')) {
      return this.parseStrategy(context, index + 1, BY_ID);
    }
    if (hasMore && argumentIs(args, index, 'LIMIT')) {
      this.limit = integerAt(context, index + 1);
      if (Number.isNaN(this.limit)) return -1;
      this.limitIsGiven = true;
      if (this.limit >= 0) return index + 2;
      reply.error(LIMIT_NEGATIVE);
      return -1;
    }
    if (isAdd && argumentIs(args, index, 'NOMKSTREAM')) {
      this.makesStream = false;
      return index + 1;
    }
    if (!isAdd) {
      reply.error(SYNTAX);
      return -1;
    }
    if (!isId(context, index, FORM_NEW, 0, this.id)) {
      reply.error(STREAM_ID);
      return -1;
    }
    this.sequenceIsGiven = idParser.sequenceIsGiven;
    this.idIsGiven = true;
    return index;
  }

  private parseStrategy(context: Context, index: number, strategy: number): number {
    const { args, reply } = context;
    if (this.strategy !== BY_NOTHING) {
      reply.error(INCOMPATIBLE);
      return -1;
    }
    this.isApproximate = false;
    let value = index;
    if (index + 1 < args.count) {
      if (isCharacter(context, index, TILDE)) {
        this.isApproximate = true;
        value++;
      } else if (isCharacter(context, index, EQUALS)) value++;
    }
    if (strategy === BY_LENGTH) {
      this.length = integerAt(context, value);
      if (Number.isNaN(this.length)) return -1;
      if (this.length < 0) {
        reply.error(LENGTH_NEGATIVE);
        return -1;
      }
    } else if (!idAt(context, value, this.minimum)) return -1;
    this.strategy = strategy;
    return value + 1;
  }

  private check({ reply, settings }: Context, isAdd: boolean): boolean {
    if (this.limit !== 0 && !this.trims) reply.error(LIMIT_ALONE);
    else if (!isAdd && !this.trims) reply.error(NO_STRATEGY);
    else if (this.limitIsGiven && !this.isApproximate) reply.error(LIMIT_EXACT);
    else {
      if (this.limitIsGiven || !this.isApproximate) return true;
      const limit = NODES_MAX * settings.streamNodeEntriesMax;
      this.limit = limit <= 0 ? ENTRIES_MAX_DEFAULT : Math.min(limit, ENTRIES_MAX);
      return true;
    }
    return false;
  }

  /** Trims the stream found, with its event and effect. @returns how many entries were removed */
  apply(context: Context): number {
    const { keys } = context;
    const stream = streamFound(context);
    const { isApproximate, limit } = this;
    const removed =
      this.strategy === BY_LENGTH
        ? stream.trimToLength(this.length, isApproximate, limit)
        : stream.trimToId(this.minimum, isApproximate, limit);
    if (removed === 0) return 0;
    keys.beginEdit(STREAM_KIND, keys.valueLength, true);
    // What was removed depends on the blocks; what is left does not.
    const effect = keys.custom(EVENT_XTRIM, 'XTRIM');
    if (stream.length === 0) effect.word('MAXLEN').word('0').end();
    else addId(effect.word('MINID'), stream.firstId(first)).end();
    return removed;
  }
}

const first = new StreamId();
export const trim = new TrimArguments();

/** The strategy, as COMMAND DOCS describes it. */
export const STRATEGY: readonly ArgumentSpecification[] = [
  {
    name: 'strategy',
    type: 'oneof',
    arguments: [
      { name: 'maxlen', type: 'pure-token', token: 'MAXLEN' },
      { name: 'minid', type: 'pure-token', token: 'MINID', since: '6.2.0' },
    ],
  },
  {
    name: 'operator',
    type: 'oneof',
    flags: ['optional'],
    arguments: [
      { name: 'equal', type: 'pure-token', token: '=' },
      { name: 'approximately', type: 'pure-token', token: '~' },
    ],
  },
  { name: 'threshold', type: 'string' },
  { name: 'count', type: 'integer', token: 'LIMIT', since: '6.2.0', flags: ['optional'] },
];
