/** PROVISIONAL */
import type { Keyspace } from './keyspace.js';
export class ExpiryCycle {
  constructor(
    readonly keys: Keyspace,
    readonly thread: number,
    readonly threads: number,
  ) {}
  step(_nowMs: number, _budgetMs: number): number {
    return 0;
  }
}
