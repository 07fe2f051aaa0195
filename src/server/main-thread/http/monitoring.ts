/** Puts the HTTP server together: the routes of all subjects, and what they are answered from. */
import type { Log } from '../../../base/log.js';
import { LOADING } from '../../channel/process-figures.js';
import { metricsRoutes } from '../metrics/routes.js';
import type { ScrapeParts } from '../metrics/scrape.js';
import type { ReplicationManager } from '../replication/manager.js';
import type { Reports } from '../thread-reports.js';
import { healthRoutes } from './health.js';
import { HttpServer } from './http-server.js';
import type { Route } from './route.js';

export interface MonitoringParts
  extends Omit<ScrapeParts, 'reports' | 'replication' | 'shards' | 'rings' | 'cuts'> {
  readonly log: Log;
  readonly replication: ReplicationManager;
  readonly reports: (withFigures: boolean) => Promise<Reports>;
  /** Whether the I/O threads do not run yet. */
  readonly isStarting: () => boolean;
  readonly isStopping: () => boolean;
  /** Routes of other subjects. */
  readonly routes: readonly Route[];
}

/**
 * @returns the server, null when metrics-port is 0
 * @throws Error for the log when it cannot listen
 */
export async function startMonitoring(parts: MonitoringParts): Promise<HttpServer | null> {
  const { config, log, control, replication, isStarting } = parts;
  const port = config.number('metrics-port');
  if (port === 0) return null;
  const { shards, rings, cuts } = replication.data;
  const routes = [
    ...healthRoutes({
      ...parts,
      reports: () => parts.reports(false),
      replication: () => replication.status,
      isLoading: () => control.word(LOADING).load() !== 0,
    }),
    ...metricsRoutes({
      ...{ ...parts, shards, rings, cuts },
      replication: () => replication.status,
      reports: () => parts.reports(true),
    }),
    ...parts.routes,
  ];
  const bind = config.words('metrics-bind');
  const server = new HttpServer({ port, bind, routes, isStarting, log });
  await server.listen();
  return server;
}
