/** ROLE: who follows this server, or whom it follows. */
import type { CommandDefinition } from '../contract/definition.js';

export const role: CommandDefinition = {
  name: 'role',
  summary: "Tells the server's role in replication",
  since: '2.8.12',
  group: 'server',
  complexity: 'O(1)',
  arity: 1,
  flags: ['noscript', 'loading', 'stale', 'fast'],
  categories: ['admin', 'dangerous'],
  locks: 'none',
  run({ reply, server }) {
    const report = server.replication.role();
    if (report.role === 'slave') {
      reply.array(5);
      reply.bulkText('slave');
      reply.bulkText(report.host);
      reply.integer(report.port);
      reply.bulkText(report.state);
      reply.integer(report.offset);
      return;
    }
    reply.array(3);
    reply.bulkText('master');
    reply.integer(report.offset);
    reply.array(report.replicas.length);
    for (const { host, port, offset } of report.replicas) {
      reply.array(3);
      reply.bulkText(host);
      reply.bulkText(String(port));
      reply.bulkText(String(offset));
    }
  },
};
