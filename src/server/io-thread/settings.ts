/**
 * The directives that an I/O thread looks at while it serves, as numbers and flags, read anew from
 * the configuration whenever it changed.
 */
import { EVICTION_POLICIES, type EvictionPolicy, NO_EVICTION } from '../../keyspace/eviction.js';
import { NO_OUTPUT_LIMIT, type OutputLimit } from '../../net/policy.js';
import { OUTPUT_NORMAL, OUTPUT_PUBSUB } from '../../net/runner.js';

/** A smaller limit would shut out who could change it. As in Redis. */
const CLIENT_MEMORY_BYTES_MIN = 128 * 1024;

/** A number of bytes, or a share of `whole` such as 5%; 0 when there is no limit. */
function clientMemory(text: string, whole: number): number {
  const number = Number.parseFloat(text);
  const bytes = text.endsWith('%') ? (whole * number) / 100 : number;
  return bytes > 0 ? Math.max(CLIENT_MEMORY_BYTES_MIN, Math.floor(bytes)) : 0;
}

export class ThreadSettings {
  protectedMode = true;
  maxClients = 10000;
  idleTimeoutMs = 0;
  keepAliveSeconds = 300;
  maxMemoryBytes = 0;
  evictionPolicy: EvictionPolicy = NO_EVICTION;
  evictionSamples = 5;
  evictionTenacity = 10;
  /** maxmemory-clients; 0: no limit. */
  clientMemoryBytes = 0;
  replicaIgnoresMaxMemory = true;
  bulkBytesMax = 512 * 1024 * 1024;
  queryBytesMax = 1024 * 1024 * 1024;
  /** By `outputClass` of a client. */
  readonly outputLimits: readonly OutputLimit[] = [{ ...NO_OUTPUT_LIMIT }, { ...NO_OUTPUT_LIMIT }];
  slowLogMicroseconds = 10000;
  latencyThresholdMs = 0;
  hertz = 10;
  replicaReadOnly = true;
  replicaServesStale = true;
  minReplicas = 0;
  minReplicasMaxLagMs = 10_000;
  backPressure = true;
  backPressureMsMax = 1000;
  adaptivePlacement = true;
  trackedKeysMax = 1_000_000;
  /** Writes are refused after a save that failed. */
  stopsWritesOnSaveError = true;

  /** @param value gives a directive as CONFIG GET shows it */
  load(value: (name: string) => string): void {
    const number = (name: string) => Number(value(name));
    this.protectedMode = value('protected-mode') === 'yes';
    this.maxClients = number('maxclients');
    this.idleTimeoutMs = number('timeout') * 1000;
    this.keepAliveSeconds = number('tcp-keepalive');
    this.maxMemoryBytes = number('maxmemory');
    this.clientMemoryBytes = clientMemory(value('maxmemory-clients'), this.maxMemoryBytes);
    this.evictionPolicy = EVICTION_POLICIES[value('maxmemory-policy')]!;
    this.evictionSamples = number('maxmemory-samples');
    this.evictionTenacity = number('maxmemory-eviction-tenacity');
    this.replicaIgnoresMaxMemory = value('replica-ignore-maxmemory') === 'yes';
    this.bulkBytesMax = number('proto-max-bulk-len');
    this.queryBytesMax = number('client-query-buffer-limit');
    this.slowLogMicroseconds = number('slowlog-log-slower-than');
    this.latencyThresholdMs = number('latency-monitor-threshold');
    this.hertz = number('hz');
    this.replicaReadOnly = value('replica-read-only') === 'yes';
    this.replicaServesStale = value('replica-serve-stale-data') === 'yes';
    this.minReplicas = number('min-replicas-to-write');
    this.minReplicasMaxLagMs = number('min-replicas-max-lag') * 1000;
    this.backPressure = value('repl-backpressure-policy') === 'delay';
    this.backPressureMsMax = number('repl-backpressure-max-delay');
    this.trackedKeysMax = number('tracking-table-max-keys');
    this.stopsWritesOnSaveError =
      value('stop-writes-on-bgsave-error') === 'yes' && value('save') !== '';
    this.adaptivePlacement = value('placement') === 'adaptive';
    this.loadOutputLimit(value('client-output-buffer-limit'), 'normal', OUTPUT_NORMAL);
    this.loadOutputLimit(value('client-output-buffer-limit'), 'pubsub', OUTPUT_PUBSUB);
  }

  /** 'normal 0 0 0 slave ...': class, hard bytes, soft bytes, soft seconds. */
  private loadOutputLimit(text: string, name: string, outputClass: number): void {
    const words = text.split(' ');
    const at = words.indexOf(name);
    if (at < 0) return;
    const limit = this.outputLimits[outputClass]!;
    limit.hardBytes = Number(words[at + 1]);
    limit.softBytes = Number(words[at + 2]);
    limit.softMs = Number(words[at + 3]) * 1000;
  }
}
