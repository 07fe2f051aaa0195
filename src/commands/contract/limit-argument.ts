/** LIMIT offset count, as COMMAND DOCS describes it. */
import type { ArgumentSpecification } from './definition.js';

export const LIMIT: ArgumentSpecification = {
  name: 'offset_count',
  type: 'block',
  token: 'LIMIT',
  flags: ['optional'],
  arguments: [
    { name: 'offset', type: 'integer' },
    { name: 'count', type: 'integer' },
  ],
};
