/** One of the page's views, behind a link of its menu. */
import type { Info } from '../lib/info.js';

/** One event of the server, once a second. */
export interface Sample {
  readonly atMs: number;
  readonly info: Info;
  readonly latency: { readonly p50: number; readonly p99: number; readonly p999: number } | null;
  readonly threads: readonly {
    readonly name: string;
    readonly seconds: number | null;
    readonly commands?: number;
    readonly connections?: number;
  }[];
}

export interface View {
  readonly title: string;
  readonly element: HTMLElement;
  /** It is looked at from now on. */
  shown?(): void;
  hidden?(): void;
  /** Called for each sample, whether it is looked at or not. */
  sampled?(sample: Sample, isShown: boolean): void;
  /** Somebody else has logged in: what it knows is not for them. */
  forget?(): void;
}
