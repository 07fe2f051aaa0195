/**
 * What `darter --help` prints. The directives that only Darter has come from their table, so that none
 * is missing and every default is the one in force.
 */
import { DIRECTIVE_SUMMARIES } from './directive-summaries.js';
import { DIRECTIVES, type Directive } from './directives.js';

const GIBIBYTE = 1024 ** 3;

const HEAD = `Usage: darter [/path/to/redis.conf] [options] [-]
       darter - (read the configuration from standard input)
       darter --compare address address [--sample N] (compare two running servers)
       darter --check FILE (verify a snapshot, a journal or an RDB file without a server)
       darter -v or --version
       darter -h or --help

Options are the directives of the configuration file:
       darter --port 7000 --bind 127.0.0.1 ::1 --threads 4
       darter /etc/redis.conf --replicaof 10.0.0.1 6379
       echo 'maxmemory 2gb' | darter -

The directives are Redis's, and Darter's own, here with their defaults:
`;

const FOOT = `
Within a program of JavaScript: import { start } from 'darter' (docs/embedding.md).
`;

function ownDirectives(): [name: string, directive: Directive][] {
  return Object.entries(DIRECTIVES).filter(([, { isOwn }]) => isOwn === true);
}

function defaultOf({ kind, initial }: Directive): string {
  const value = Number(initial);
  const isGibibytes = kind.name === 'memory' && value > 0 && value % GIBIBYTE === 0;
  return isGibibytes ? `${value / GIBIBYTE}gb` : initial;
}

export function usageText(): string {
  const rows = ownDirectives().map(([name, directive]) => {
    const option = `--${name} ${defaultOf(directive)}`;
    return `       ${option.padEnd(36)} ${DIRECTIVE_SUMMARIES[name]}\n`;
  });
  return HEAD + rows.join('') + FOOT;
}
