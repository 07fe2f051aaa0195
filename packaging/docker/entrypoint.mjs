/**
 * What the container runs: Darter, in this process, with the arguments of the container.
 *
 * DARTER_CONFIG_FILE names a configuration file that the server may rewrite, in a volume; where there is none yet, it is
 * made with the lines of DARTER_CONFIG_INITIAL. So a role that a failover gave outlives the container:
 * `--replicaof` as an argument would be in force again at each start.
 */
import { existsSync, writeFileSync } from 'node:fs';

const file = process.env.DARTER_CONFIG_FILE;
if (file !== undefined) {
  if (!existsSync(file)) {
    writeFileSync(file, `${process.env.DARTER_CONFIG_INITIAL ?? ''}\n`, { mode: 0o600 });
  }
  process.argv.splice(2, 0, file);
}
process.argv[1] = new URL('bin/darter', import.meta.url).pathname;
await import(new URL('bin/darter', import.meta.url).href);
