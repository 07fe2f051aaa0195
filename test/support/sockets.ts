/** What a server holds of its clients. */
import { readdirSync, readlinkSync } from 'node:fs';
import type { Server } from './server.js';

/** Sockets only: threads that a server starts later on bring descriptors of their own. */
export function countSockets(server: Server): number {
  const path = `/proc/${server.pid}/fd`;
  return readdirSync(path).filter((name) => {
    try {
      return readlinkSync(`${path}/${name}`).startsWith('socket:');
    } catch {
      return false; // Closed meanwhile.
    }
  }).length;
}
