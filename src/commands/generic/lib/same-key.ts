/** Commands with a source and a destination treat the same key twice in a way of their own. */
import { equalBytes } from '../../../base/region.js';
import type { Context } from '../../contract/context.js';

/** Whether arguments 1 and 2 are the same key. */
export function sameKey({ args }: Context): boolean {
  const length = args.length[1]!;
  const { region, offset } = args;
  return args.length[2] === length && equalBytes(region, offset[1]!, region, offset[2]!, length);
}
