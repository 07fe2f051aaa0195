/** Subcommands of DEBUG that concern the server or the connection. */
import { parseDoubleStart } from '../../../protocol/doubles.js';
import { ErrorReply } from '../../../protocol/errors.js';
import type { Context } from '../../contract/context.js';
import type { DebugHandler } from './debug-handler.js';

/** From here on Redis's microseconds leave 64 bits: they become negative, and it does not sleep. */
const SLEEP_MICROSECONDS_END = 2 ** 63;

/** One reply of each type of RESP, by DEBUG PROTOCOL's name for it. */
const SAMPLES: Readonly<Record<string, (reply: Context['reply']) => void>> = {
  string: (reply) => reply.bulkText('Hello World'),
  integer: (reply) => reply.integer(12345),
  // biome-ignore lint/suspicious/noApproximativeNumericConstant: Redis's sample
  double: (reply) => reply.double(3.141),
  null: (reply) => reply.nullBulk(),
  array(reply) {
    reply.array(3);
    for (let i = 0; i < 3; i++) reply.integer(i);
  },
  set(reply) {
    reply.set(3);
    for (let i = 0; i < 3; i++) reply.integer(i);
  },
  map(reply) {
    reply.map(3);
    for (let i = 0; i < 3; i++) {
      reply.integer(i);
      reply.boolean(i === 1);
    }
  },
  attrib(reply) {
    if (reply.protocol === 3) {
      reply.attribute(1);
      reply.bulkText('key-popularity');
      reply.array(2);
      reply.bulkText('key:123');
      reply.integer(90);
    }
    reply.bulkText('Some real reply following the attribute');
  },
  bignum: (reply) => reply.bigNumber(1234567999999999999999999999999999999n),
  true: (reply) => reply.boolean(true),
  false: (reply) => reply.boolean(false),
  verbatim: (reply) => reply.verbatim('txt', 'This is a verbatim\nstring'),
};

const PROTOCOL_TYPES =
  'ERR Wrong protocol type name. Please use one of the following: ' +
  'string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false';

function replySample(context: Context): void {
  const { reply } = context;
  const name = context.text(2).toLowerCase();
  const sample = SAMPLES[name];
  if (sample !== undefined) sample(reply);
  else if (name === 'push' && reply.protocol === 2) {
    reply.errorText('ERR RESP2 is not supported by this command');
  } else if (name === 'push') {
    reply.push(2);
    reply.bulkText('server-cpu-usage');
    reply.integer(42);
    reply.bulkText('Some real reply following the push reply');
  } else reply.errorText(PROTOCOL_TYPES);
}

const RELOAD_OPTIONS = ['merge', 'noflush', 'nosave'];
const RELOAD_OPTIONS_WRONG = new ErrorReply(
  'ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.',
);

function reload(context: Context): void {
  const options = new Set<string>();
  for (let i = 2; i < context.args.count; i++) {
    const option = context.text(i).toLowerCase();
    if (!RELOAD_OPTIONS.includes(option)) {
      context.reply.error(RELOAD_OPTIONS_WRONG);
      return;
    }
    options.add(option);
  }
  const { persistence } = context.server;
  const suspension = context.suspend(() => {});
  const [saves, flushes] = [!options.has('nosave'), !options.has('noflush')];
  persistence.reload(saves, flushes, options.has('merge'), (write) => suspension.resume(write));
}

export const SERVER_HANDLERS: readonly DebugHandler[] = [
  {
    name: 'reload',
    usage: '[MERGE] [NOFLUSH] [NOSAVE]',
    summary: 'Saves the RDB file, unless told not to, and loads it in place of the data',
    least: 0,
    most: 100,
    run: reload,
  },
  {
    name: 'sleep',
    usage: '<seconds>',
    summary: 'Blocks the thread that serves this connection; others go on',
    least: 1,
    most: 1,
    run(context) {
      const seconds = parseDoubleStart(context.text(2));
      const sleeps = seconds > 0 && seconds * 1e6 < SLEEP_MICROSECONDS_END;
      if (sleeps) context.server.process.sleep(seconds * 1000);
      context.reply.ok();
    },
  },
  {
    name: 'set-active-expire',
    usage: '<0|1>',
    summary: 'Switches the search for expired keys in the background off or on',
    least: 1,
    most: 1,
    run(context) {
      context.server.process.setExpiryCycle(Number.parseInt(context.text(2), 10) > 0);
      context.reply.ok();
    },
  },
  {
    name: 'error',
    usage: '<message>',
    summary: 'Answers with this error',
    least: 1,
    most: 1,
    run({ args, reply }) {
      reply.errorQuoting('', args.region, args.offset[2]!, args.length[2]!, '');
    },
  },
  {
    name: 'protocol',
    usage: '<string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false>',
    summary: 'Answers with a sample of a type of reply',
    least: 1,
    most: 1,
    run: replySample,
  },
  {
    name: 'throw',
    usage: '',
    summary: "Throws an exception in the command (Darter's own, for tests)",
    least: 0,
    most: 0,
    run() {
      throw new Error('DEBUG THROW');
    },
  },
];
