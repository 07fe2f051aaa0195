/** A subcommand of DEBUG. */
import type { Context } from '../../contract/context.js';

export interface DebugHandler {
  /** Lower case. */
  readonly name: string;
  readonly usage: string;
  /** Without a final full stop. */
  readonly summary: string;
  /** How many arguments it takes after its name. */
  readonly least: number;
  readonly most: number;
  readonly run: (context: Context) => void;
}
