/**
 * Views of nested tables, as one thread has them: two for each space, attached to whatever root a
 * command has found. A walk keeps its place while the probe looks into other sets:
 *
 *     probe   looks members up, adds and removes them; attached anew for each member
 *     walk    goes through the members of one set
 */
import type { Space } from '../../memory/space.js';
import { TableReclaim } from '../../structures/nested-table.js';
import { Table } from '../../structures/table.js';

export class SetTables {
  readonly probe: Table;
  readonly walk: Table;
  readonly reclaim: TableReclaim;

  constructor(readonly space: Space) {
    this.probe = new Table(space, 0);
    this.walk = new Table(space, 0);
    this.reclaim = new TableReclaim(space);
  }
}

const bySpace = new WeakMap<Space, SetTables>();
/** The same by the number of the shard, for the data path. */
const byShard: (SetTables | undefined)[] = [];

export function tablesOf(space: Space): SetTables {
  let tables = bySpace.get(space);
  if (tables === undefined) {
    tables = new SetTables(space);
    bySpace.set(space, tables);
  }
  return tables;
}

/** @param shard the number of the shard that the space is */
export function tablesAt(shard: number, space: Space): SetTables {
  const tables = byShard[shard];
  if (tables !== undefined && tables.space === space) return tables;
  while (byShard.length <= shard) byShard.push(undefined);
  const found = tablesOf(space);
  byShard[shard] = found;
  return found;
}
