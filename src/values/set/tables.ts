/**
 * Views of nested tables, as one thread has them: two for each space, attached to whatever root a
 * command has found. A walk keeps its place while the probe looks into other sets:
 *
 *     probe   looks members up, adds and removes them; attached anew for each member
 *     walk    goes through the members of one set
 */
import { PerSpace } from '../../memory/per-space.js';
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

export const setTables = new PerSpace((space) => new SetTables(space));
