/** PROVISIONAL */
import type { ServerPort } from '../commands/contract/server-port.js';
export function createServerPort(parts: { transactions: unknown } & Record<string, unknown>): ServerPort {
  return parts as unknown as ServerPort;
}
