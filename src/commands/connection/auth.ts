/** AUTH [username] password */
import { AUTH_WITHOUT_PASSWORD, SYNTAX } from '../../protocol/errors.js';
import type { CommandDefinition } from '../contract/definition.js';
import { replyOutcome } from '../contract/outcome.js';

/** Whose password it is when no user is named. */
const DEFAULT_USER = 'default';

export const auth: CommandDefinition = {
  name: 'auth',
  summary: 'Logs the connection in',
  since: '1.0.0',
  group: 'connection',
  complexity: 'O(N) where N is the number of passwords defined for the user',
  arity: -2,
  flags: ['noscript', 'loading', 'stale', 'fast', 'no_auth', 'allow_busy'],
  arguments: [
    { name: 'username', type: 'string', since: '6.0.0', flags: ['optional'] },
    { name: 'password', type: 'string' },
  ],
  history: [['6.0.0', 'A user name may be given (ACL).']],
  isSecret: (_, index) => index > 0,
  run(context) {
    const { args, reply, server, session } = context;
    if (args.count > 3) {
      reply.error(SYNTAX);
      return;
    }
    if (args.count === 2 && server.acl.isOpen) {
      reply.error(AUTH_WITHOUT_PASSWORD);
      return;
    }
    const user = args.count === 2 ? DEFAULT_USER : context.text(1);
    replyOutcome(reply, server.acl.authenticate(session, user, context.text(args.count - 1)));
  },
};
