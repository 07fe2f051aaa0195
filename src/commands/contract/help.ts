/**
 * HELP of container commands, made from the definitions of their subcommands; and the error for a
 * subcommand called in a way it does not know.
 */
import { ErrorReply, QUOTED_BYTES_MAX, untilNul } from '../../protocol/errors.js';
import type { Context } from './context.js';
import { isContainerDefinition } from './definition.js';
import { syntaxOf } from './syntax.js';

/** Writes the lines of `<container> HELP`, the container being named as the client did. */
export function replyHelp(context: Context, container: string): void {
  const { registry, reply } = context;
  const lines: [usage: string, summary: string][] = [];
  for (const [name, { definition }] of registry.original(container)!.subcommands) {
    const args = isContainerDefinition(definition) ? '' : syntaxOf(definition.arguments);
    lines.push([`${name.toUpperCase()} ${args}`.trimEnd(), definition.summary]);
  }
  lines.sort(([one], [other]) => (one < other ? -1 : 1));
  replyHelpLines(reply, context.text(0), lines);
}

/** The same for a command whose subcommands have no definitions of their own. */
export function replyHelpLines(
  reply: Context['reply'],
  container: string,
  lines: readonly (readonly [usage: string, summary: string])[],
): void {
  reply.array(1 + lines.length * 2);
  reply.simple(
    `${container.toUpperCase()} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:`,
  );
  for (const [usage, summary] of lines) {
    reply.simple(usage);
    reply.simple(`    ${summary}.`);
  }
}

/** Argument 1 names a subcommand that takes its arguments another way. */
export function wrongSubcommandUse(context: Context, container: string): ErrorReply {
  const quoted = untilNul(context.text(1)).slice(0, QUOTED_BYTES_MAX);
  return new ErrorReply(
    `ERR unknown subcommand or wrong number of arguments for '${quoted}'. ` +
      `Try ${container.toUpperCase()} HELP.`,
  );
}
