/**
 * `/health` and `/ready`, for probes.
 *
 *   /health   200 as long as the main thread and all I/O threads answer: 503 names those that do not.
 *             A restart helps, or one command runs for very long.
 *   /ready    200 when clients get the data they expect: 503 says why not.
 */
import type { ReplicationStatus } from '../../channel/replication.js';
import type { Reports } from '../thread-reports.js';
import { answerText, type Route } from './route.js';

export interface HealthParts {
  readonly reports: () => Promise<Reports>;
  readonly replication: () => Pick<ReplicationStatus, 'link'>;
  /** Whether a file of the start is being loaded, or a full sync. */
  readonly isLoading: () => boolean;
  readonly isStopping: () => boolean;
}

export function healthRoutes(parts: HealthParts): Route[] {
  return [
    {
      method: 'GET',
      path: '/health',
      isOpen: true,
      handle: async (_, response) => {
        const { silent } = await parts.reports();
        if (silent.length === 0) answerText(response, 200, 'ok');
        else answerText(response, 503, `no answer from I/O threads ${silent.join(', ')}`);
      },
    },
    {
      method: 'GET',
      path: '/ready',
      isOpen: true,
      handle: (_, response) => {
        const why = whyNotReady(parts);
        answerText(response, why === null ? 200 : 503, why ?? 'ready');
      },
    },
  ];
}

function whyNotReady({ replication, isLoading, isStopping }: HealthParts): string | null {
  if (isStopping()) return 'shutting down';
  const { link } = replication();
  if (link !== null && !link.up) {
    const primary = `${link.host}:${link.port}`;
    if (link.fullSync) return `a full sync from the primary ${primary} runs`;
    const reason = link.failure === '' ? link.state : `${link.state}: ${link.failure}`;
    return `the link to the primary ${primary} is down (${reason})`;
  }
  return isLoading() ? 'loading the dataset' : null;
}
