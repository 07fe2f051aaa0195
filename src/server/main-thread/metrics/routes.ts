/** `/metrics`, for Prometheus. Who asks while a scrape is under way gets its answer too. */
import type { Route } from '../http/route.js';
import { COMMAND_FAMILIES } from './command-families.js';
import { DARTER_FAMILIES } from './darter-families.js';
import type { Family } from './family.js';
import { INFO_FAMILIES } from './info-families.js';
import { REDIS_FAMILIES } from './redis-families.js';
import { type ScrapeParts, Scraper } from './scrape.js';
import { renderFamilies, TEXT_FORMAT } from './text-format.js';

/** All metrics, in the order of the answer and of docs/monitoring.md. */
export const FAMILIES: readonly Family[] = [
  ...REDIS_FAMILIES,
  ...INFO_FAMILIES,
  ...COMMAND_FAMILIES,
  ...DARTER_FAMILIES,
];

export function metricsRoutes(parts: ScrapeParts): Route[] {
  const scraper = new Scraper(parts);
  let running: Promise<string> | null = null;
  const scrape = async (): Promise<string> => {
    try {
      return renderFamilies(FAMILIES, await scraper.scrape());
    } finally {
      running = null;
    }
  };
  return [
    {
      method: 'GET',
      path: '/metrics',
      isOpen: true,
      handle: async (_, response) => {
        running ??= scrape();
        const text = await running;
        response.setHeader('Content-Type', TEXT_FORMAT);
        response.end(text);
      },
    },
  ];
}
