/**
 * INFO: sections of fields. Each section is a function in a file beside this; those that belong to
 * parts which may be missing (persistence, replication) can be replaced by who knows more.
 */
import type { Context } from '../../commands/contract/context.js';
import type { InformationPort } from '../../commands/contract/server-port.js';
import { commandStatsSection, errorStatsSection, latencyStatsSection } from './command-sections.js';
import { persistenceSection, replicationSection, statsSection } from './data-sections.js';
import { keyspaceSection } from './keyspace-section.js';
import { clientsSection, cpuSection, memorySection, serverSection } from './process-sections.js';
import type { InfoSource, Section } from './source.js';

interface NamedSection {
  readonly title: string;
  /** Shown when no section is asked for. */
  readonly byDefault: boolean;
  readonly fields: Section;
}

const SECTIONS: readonly (readonly [name: string, section: NamedSection])[] = [
  ['server', { title: 'Server', byDefault: true, fields: serverSection }],
  ['clients', { title: 'Clients', byDefault: true, fields: clientsSection }],
  ['memory', { title: 'Memory', byDefault: true, fields: memorySection }],
  ['persistence', { title: 'Persistence', byDefault: true, fields: persistenceSection }],
  ['stats', { title: 'Stats', byDefault: true, fields: statsSection }],
  ['replication', { title: 'Replication', byDefault: true, fields: replicationSection }],
  ['cpu', { title: 'CPU', byDefault: true, fields: cpuSection }],
  ['modules', { title: 'Modules', byDefault: true, fields: () => [] }],
  ['commandstats', { title: 'Commandstats', byDefault: false, fields: commandStatsSection }],
  ['errorstats', { title: 'Errorstats', byDefault: true, fields: errorStatsSection }],
  ['latencystats', { title: 'Latencystats', byDefault: false, fields: latencyStatsSection }],
  ['cluster', { title: 'Cluster', byDefault: true, fields: () => [['cluster_enabled', 0]] }],
  ['keyspace', { title: 'Keyspace', byDefault: true, fields: keyspaceSection }],
];

/** Names that mean more than themselves, and another name of one. */
const EVERYTHING = ['all', 'everything'];
const ALIASES: Readonly<Record<string, string>> = { module_list: 'modules' };

export class Information implements InformationPort {
  private readonly sections = new Map(SECTIONS);

  constructor(private readonly source: InfoSource) {}

  /** Puts another function in a section's place. */
  provide(name: 'persistence' | 'replication', fields: Section): void {
    this.sections.set(name, { ...this.sections.get(name)!, fields });
  }

  text(sections: readonly string[], context: Context): string {
    const wanted = new Set(
      sections.map((name) => ALIASES[name.toLowerCase()] ?? name.toLowerCase()),
    );
    const all = EVERYTHING.some((name) => wanted.has(name));
    const byDefault = wanted.size === 0 || wanted.has('default');
    const texts: string[] = [];
    for (const [name, section] of this.sections) {
      if (!all && !wanted.has(name) && !(byDefault && section.byDefault)) continue;
      const lines = section
        .fields(this.source, context)
        .map(([field, value]) => `${field}:${value}\r\n`);
      texts.push(`# ${section.title}\r\n${lines.join('')}`);
    }
    return texts.join('\r\n');
  }
}
