/**
 * A metric as Prometheus sees it: a family of samples with one name. Each is declared once, with what reads
 * its values when somebody scrapes; between scrapes nothing is kept. docs/monitoring.md is written from the
 * declarations.
 */
import type { Scrape } from './scrape.js';

export type FamilyType = 'counter' | 'gauge' | 'summary' | 'histogram';

/** Takes a sample; `suffix` is one of the type's: '_sum', '_count', '_bucket'. */
export type AddSample = (value: number, labels?: readonly string[], suffix?: string) => void;

export interface Family {
  readonly name: string;
  readonly type: FamilyType;
  readonly help: string;
  /** Names of the labels, in the order of their values. Of '_sum' and '_count' the last one is missing. */
  readonly labels: readonly string[];
  readonly collect: (scrape: Scrape, add: AddSample) => void;
}

/** A family whose only sample has no labels. What is not a number is left out. */
export function single(
  type: 'counter' | 'gauge',
  name: string,
  help: string,
  read: (scrape: Scrape) => number,
): Family {
  return { name, type, help, labels: [], collect: (scrape, add) => add(read(scrape)) };
}
