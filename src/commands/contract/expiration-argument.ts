/** The times of GETEX, HGETEX and HSETEX, as COMMAND DOCS describes them. */
import type { ArgumentSpecification } from './definition.js';

/** @param last what may stand instead of a time */
export function expirationOr(last: ArgumentSpecification): ArgumentSpecification {
  return {
    name: 'expiration',
    type: 'oneof',
    flags: ['optional'],
    arguments: [
      { name: 'seconds', type: 'integer', token: 'EX' },
      { name: 'milliseconds', type: 'integer', token: 'PX' },
      { name: 'unix-time-seconds', type: 'unix-time', token: 'EXAT' },
      { name: 'unix-time-milliseconds', type: 'unix-time', token: 'PXAT' },
      last,
    ],
  };
}
