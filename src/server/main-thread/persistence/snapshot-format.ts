/** In which format snapshots are written, and under what name. */
import type { Config } from '../../config/config.js';

export type SnapshotFormat = 'native' | 'rdb';

/** What `dbfilename` is when nobody says otherwise: it does not ask for an RDB file. */
const INITIAL_NAME = 'dump.rdb';

/** `snapshot-format`; auto: RDB where `dbfilename` was given a name that ends in .rdb. */
export function snapshotFormat(config: Config): SnapshotFormat {
  const chosen = config.value('snapshot-format');
  if (chosen === 'native' || chosen === 'rdb') return chosen;
  const name = config.path('dbfilename');
  return name !== INITIAL_NAME && /\.rdb$/i.test(name) ? 'rdb' : 'native';
}

/** The name of native snapshots for a `dbfilename`: an RDB file has another format. */
export function nativeName(dbfilename: string): string {
  return /\.rdb$/i.test(dbfilename)
    ? dbfilename.replace(/\.rdb$/i, '.darter')
    : `${dbfilename}.darter`.replace(/\.darter\.darter$/, '.darter');
}

/** The name of the file, or of the manifest, that is written. */
export function snapshotFileName(config: Config): string {
  const name = config.path('dbfilename');
  return snapshotFormat(config) === 'rdb' ? name : nativeName(name);
}
