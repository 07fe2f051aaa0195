/**
 * What the HTTP server of the main thread answers: a table of routes. Each subject has a file with its own
 * routes; http-server.ts finds the route, and checks what is common to all.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';

export interface Route {
  /** GET answers HEAD as well. */
  readonly method: 'GET' | 'POST';
  /** All of the path, or its begin with `/*` at the end: `/console/*` is every path below `/console/`. */
  readonly path: string;
  /**
   * Whether any page and any name may ask. Only for what anybody who reaches the port may see: without it
   * the Host header is checked, and requests that other sites make are refused (trusted-request.ts).
   */
  readonly isOpen: boolean;
  /** Answers, now or later. An exception answers 500. A POST's body is not read yet. */
  readonly handle: (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;
}

/** What stands before the query, as it came. */
export function pathOf(request: IncomingMessage): string {
  return (request.url ?? '').split('?', 1)[0]!;
}

/** The routes for a path, whatever their methods. */
export function routesFor(routes: readonly Route[], path: string): Route[] {
  return routes.filter((route) =>
    route.path.endsWith('/*') ? path.startsWith(route.path.slice(0, -1)) : route.path === path,
  );
}

/** A short answer for people and probes. */
export function answerText(response: ServerResponse, status: number, text: string): void {
  response.statusCode = status;
  response.setHeader('Content-Type', 'text/plain; charset=utf-8');
  response.end(`${text}\n`);
}
