/** Errors that the program sees. */
import type { DarterError } from './darter.js';

export function darterError(code: string, message: string): DarterError {
  return Object.assign(new Error(message), { code });
}
