/** What INFO is made from. */
import type { Context } from '../../commands/contract/context.js';
import type {
  ConfigurationPort,
  MemoryPort,
  ScriptsPort,
} from '../../commands/contract/server-port.js';
import type { Shards } from '../../keyspace/shards.js';
import type { ControlBlock } from '../../memory/control.js';
import type { ServerFacts } from '../channel/main-io.js';

export type Fields = readonly (readonly [name: string, value: string | number])[];

export interface InfoSource {
  readonly facts: ServerFacts;
  readonly control: ControlBlock;
  readonly configuration: ConfigurationPort;
  readonly memory: MemoryPort;
  readonly shards: Shards;
  readonly scripts: Pick<ScriptsPort, 'figures'>;
}

/** One section: its fields at this moment. */
export type Section = (source: InfoSource, context: Context) => Fields;

const UNITS = ['B', 'K', 'M', 'G', 'T', 'P'];

/** Bytes as INFO's _human fields have them: 916240 is 894.77K. */
export function humanBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return unit === 0 ? `${Math.round(value)}B` : `${value.toFixed(2)}${UNITS[unit]}`;
}

export function percent(part: number, whole: number): string {
  return `${(whole > 0 ? (part / whole) * 100 : 0).toFixed(2)}%`;
}
