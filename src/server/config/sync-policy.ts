/**
 * Whether replies wait for the disk, as the configuration says it. Each thread tells it when it takes over
 * a change. The one that serves CONFIG SET does that before the client has its OK.
 */
import type { DurableLsns } from '../../memory/durable-lsns.js';
import type { Config } from './config.js';

export function followSyncPolicy(config: Config, durable: DurableLsns): void {
  const tell = () =>
    durable.configure(config.value('appendfsync') === 'always', config.versionHere);
  config.onChange('appendfsync', tell);
  tell();
}
