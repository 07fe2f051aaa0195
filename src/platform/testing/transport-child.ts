/** A line server in a process of its own, for tests that need its limits: prints its port. */
import { createTransport } from '../select.js';
import type { TransportName } from '../transport.js';
import { LineServer } from './line-server.js';

const troubles: number[] = [];
const transport = createTransport(process.argv[2] as TransportName, {
  onAcceptTrouble: (errorNumber) => troubles.push(errorNumber),
});
const server = new LineServer(transport);
server.counters.troubles = troubles;
const port = await transport.listen({ host: '127.0.0.1', port: 0, backlog: 511 });
process.stdout.write(`${port}\n`);
// Lets the line out before the loop keeps the thread.
setTimeout(() => void transport.run(server), 20);
