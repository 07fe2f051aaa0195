/** Ids that no other server draws: of processes, histories and takeovers, as Redis has them. */
import { randomBytes } from 'node:crypto';

const ID_BYTES = 20;

/** @returns 40 hexadecimal digits */
export function randomId(): string {
  return randomBytes(ID_BYTES).toString('hex');
}
