/**
 * The figures that the page plots: one server-sent event a second, shared by all who look. While nobody
 * does there is no timer and nothing is sampled.
 *
 * A sample is what INFO tells, asked for by one viewer's connection, and what only shared memory has: the
 * histogram of the last second, and the time that each thread was at work. Whoever looks must have the
 * right to INFO; each viewer's connection is asked again every RIGHTS_PERIOD samples.
 */
import type { ServerResponse } from 'node:http';
import { isError, type Reply } from './reply-reader.js';
import type { Session } from './sessions.js';

export const VIEWERS_MAX = 8;
export const SAMPLE_PERIOD_MS = 1000;
const RIGHTS_PERIOD = 10;
/** A server that is stopped for a while (CLIENT PAUSE, a long script) answers later. */
const SAMPLE_TIMEOUT_MS = 120_000;
/** What waits for a slow reader; then it is cut off. */
export const VIEWER_BYTES_MAX = 1024 * 1024;
const SAMPLED = ['INFO', 'default', 'commandstats', 'errorstats'];

/** What is sampled beside INFO. */
export type Figures = () => Readonly<Record<string, unknown>>;

interface Viewer {
  readonly session: Session;
  readonly response: ServerResponse;
  readonly sessionEnded: () => void;
}

/** Whether a user may not ask for this. */
export function isDenial(reply: Reply): boolean {
  return isError(reply) && /^(NOPERM|NOAUTH|WRONGPASS)/.test(reply.error);
}

export class LiveFeed {
  private readonly viewers = new Set<Viewer>();
  private timer: NodeJS.Timeout | null = null;
  private isSampling = false;
  private samples = 0;

  constructor(private readonly figures: Figures) {}

  get isFull(): boolean {
    return this.viewers.size >= VIEWERS_MAX;
  }

  /**
   * Sends events until either side ends it. Its user has been asked for the right to INFO; whoever has left
   * meanwhile is not added: nothing would tell of their end.
   */
  add(session: Session, response: ServerResponse): void {
    if (response.destroyed || session.hasEnded) {
      response.destroy();
      return;
    }
    const sessionEnded = (): void => this.end(viewer, 'event: ended\ndata: {}\n\n');
    const viewer: Viewer = { session, response, sessionEnded };
    response.writeHead(200, { 'Content-Type': 'text/event-stream; charset=utf-8' });
    response.write('retry: 2000\n\n');
    this.viewers.add(viewer);
    session.viewers++;
    session.onEnd.add(sessionEnded);
    response.once('close', () => this.remove(viewer));
    if (this.timer !== null) return;
    this.timer = setInterval(() => void this.sample(), SAMPLE_PERIOD_MS).unref();
    void this.sample();
  }

  /** No event may follow, however long the reader takes for this one: a stream that was ended takes none. */
  private end(viewer: Viewer, lastEvent: string): void {
    this.remove(viewer);
    viewer.response.end(lastEvent);
  }

  private remove(viewer: Viewer): void {
    if (!this.viewers.delete(viewer)) return;
    viewer.session.viewers--;
    // It was in use until now.
    viewer.session.usedMs = Date.now();
    viewer.session.onEnd.delete(viewer.sessionEnded);
    if (this.viewers.size > 0 || this.timer === null) return;
    clearInterval(this.timer);
    this.timer = null;
  }

  private async sample(): Promise<void> {
    if (this.isSampling) return;
    this.isSampling = true;
    try {
      if (this.samples++ % RIGHTS_PERIOD === 0) await this.askRights();
      for (const viewer of [...this.viewers]) {
        const reply = await ask(viewer, SAMPLED);
        if (reply === null || this.isDenied(viewer, reply)) continue;
        this.tellAll(reply);
        return;
      }
    } finally {
      this.isSampling = false;
    }
  }

  private tellAll(reply: Reply): void {
    const text = isError(reply)
      ? `event: failed\ndata: ${JSON.stringify({ error: reply.error })}\n\n`
      : `data: ${JSON.stringify({ at: Date.now(), info: reply, ...this.figures() })}\n\n`;
    for (const { response } of this.viewers) {
      if (response.writableLength > VIEWER_BYTES_MAX) response.destroy();
      else response.write(text);
    }
  }

  private async askRights(): Promise<void> {
    for (const viewer of [...this.viewers]) {
      const reply = await ask(viewer, ['INFO', 'server']);
      if (reply !== null) this.isDenied(viewer, reply);
    }
  }

  private isDenied(viewer: Viewer, reply: Reply): boolean {
    if (!isDenial(reply)) return false;
    this.end(viewer, `event: denied\ndata: ${JSON.stringify(reply)}\n\n`);
    return true;
  }
}

/** @returns null when the session ends meanwhile */
function ask({ session }: Viewer, words: readonly string[]): Promise<Reply | null> {
  return session.connections.page.command(words, SAMPLE_TIMEOUT_MS).catch(() => null);
}
