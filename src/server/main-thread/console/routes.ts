/**
 * The console under /console: a page, and what it asks for. The HTTP server has checked the Host header and
 * that no other site asks (http/trusted-request.ts).
 *
 *   GET  /console, /console/<file>     the page; anybody may read it: it has no data
 *   POST /console/api/login            { user, password } ──▶ a cookie; no password at all: open servers
 *   POST /console/api/logout
 *   GET  /console/api/session          who is logged in, and the token for what follows
 *   GET  /console/api/events           server-sent events (live-feed.ts)
 *   GET  /console/api/directives       what the directives mean
 *   POST /console/api/commands         { commands, onCommandLine } ──▶ { replies }
 *
 * Every command runs on a connection of the session's user: the server decides what it may.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { answerText, pathOf, type Route } from '../http/route.js';
import { directiveDocs } from './directive-docs.js';
import { type Figures, isDenial, LiveFeed } from './live-feed.js';
import { type Credentials, DEFAULT_USER, type LogInParts, logIn } from './log-in.js';
import { servePage } from './page-files.js';
import { whyRefused } from './refused-commands.js';
import { answerJson, commandsOf, cookieOf, RequestError, readBody, textOf } from './requests.js';
import { type Session, type SessionConnections, Sessions } from './sessions.js';

/** A reply that takes longer ends the session. */
const COMMAND_TIMEOUT_MS = 20_000;
/** At once: each has two connections before anybody has shown a password. */
export const LOG_INS_MAX = 8;
const REQUEST_TOKEN_HEADER = 'x-console-token';

export interface ConsoleParts extends LogInParts {
  /** Where the page's files are. */
  readonly folder: URL;
  readonly figures: Figures;
  /** What a command is called where rename-command says nothing, in lower case. */
  readonly ownName: (command: string) => string;
  /** Distinguishes the cookies of several servers of one machine. */
  readonly port: () => number;
}

type Handler = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;

export class Console {
  readonly sessions: Sessions;
  private readonly feed: LiveFeed;
  /** Log-ins under way. */
  private logIns = 0;

  constructor(
    private readonly parts: ConsoleParts,
    sessions = new Sessions(),
  ) {
    this.sessions = sessions;
    this.feed = new LiveFeed(parts.figures);
  }

  get routes(): Route[] {
    const { folder } = this.parts;
    const page: Handler = (request, response) => servePage(folder, pathOf(request), response);
    return [
      this.route('POST', 'login', (request, response) => this.logIn(request, response)),
      this.route('POST', 'logout', (request, response) => this.logOut(request, response)),
      this.route('GET', 'session', (request, response) => {
        answerJson(response, 200, this.describe(this.sessionOf(request)));
      }),
      this.route('GET', 'events', (request, response) => this.watch(request, response)),
      this.route('GET', 'directives', (request, response) => {
        this.sessionOf(request);
        answerJson(response, 200, directiveDocs());
      }),
      this.route('POST', 'commands', (request, response) => this.runAll(request, response)),
      { method: 'GET', path: '/console', isOpen: false, handle: page },
      { method: 'GET', path: '/console/*', isOpen: false, handle: page },
    ];
  }

  close(): void {
    this.sessions.endAll();
  }

  private route(method: Route['method'], name: string, handle: Handler): Route {
    const guarded: Handler = async (request, response) => {
      try {
        await handle(request, response);
      } catch (error) {
        if (!(error instanceof RequestError)) throw error;
        // What is left of its body is not read.
        response.setHeader('Connection', 'close');
        answerJson(response, error.status, { error: error.message });
      }
    };
    return { method, path: `/console/api/${name}`, isOpen: false, handle: guarded };
  }

  private get cookieName(): string {
    return `darter_console_${this.parts.port()}`;
  }

  /** @throws RequestError when nobody is logged in */
  private sessionOf(request: IncomingMessage): Session {
    const session = this.sessions.find(cookieOf(request, this.cookieName));
    if (session === undefined) throw new RequestError(401, 'Nobody is logged in');
    return session;
  }

  /** For requests that change something. @throws RequestError */
  private actingSessionOf(request: IncomingMessage): Session {
    const session = this.sessionOf(request);
    if (session.knowsRequestToken(request.headers[REQUEST_TOKEN_HEADER])) return session;
    throw new RequestError(403, 'The request does not come from the console');
  }

  private describe({ user, requestToken }: Session) {
    return { user, requestToken };
  }

  private async logIn(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readBody(request);
    const { user, password } = body;
    const credentials: Credentials = {
      user: textOf(user),
      password: typeof password === 'string' ? password : null,
    };
    const former = this.sessions.find(cookieOf(request, this.cookieName));
    const connections = await this.connect(request, credentials);
    if (former !== undefined) this.sessions.end(former);
    const name = credentials.user === '' ? DEFAULT_USER : credentials.user;
    const begun = this.sessions.begin(name, connections);
    if (begun === null) {
      connections.page.end('no room');
      connections.commandLine.end('no room');
      throw new RequestError(503, 'Too many people are logged in to the console');
    }
    this.setCookie(response, begun.token);
    answerJson(response, 200, this.describe(begun.session));
  }

  /** @throws RequestError */
  private async connect(
    request: IncomingMessage,
    credentials: Credentials,
  ): Promise<SessionConnections> {
    if (this.logIns >= LOG_INS_MAX) throw new RequestError(503, 'Too many log in at once');
    this.logIns++;
    try {
      return await logIn(this.parts, request, credentials);
    } finally {
      this.logIns--;
    }
  }

  private async logOut(request: IncomingMessage, response: ServerResponse): Promise<void> {
    await readBody(request);
    this.sessions.end(this.actingSessionOf(request));
    this.setCookie(response, '');
    answerJson(response, 200, {});
  }

  private setCookie(response: ServerResponse, token: string): void {
    const end = token === '' ? '; Max-Age=0' : '';
    const attributes = 'HttpOnly; SameSite=Strict; Path=/console';
    response.setHeader('Set-Cookie', `${this.cookieName}=${token}; ${attributes}${end}`);
  }

  private async watch(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const session = this.sessionOf(request);
    const reply = await this.run(session.connections.page, ['INFO', 'server']);
    if (isDenial(reply)) throw new RequestError(403, (reply as { error: string }).error);
    if (this.feed.isFull) throw new RequestError(503, 'Too many look at the console');
    if (request.method === 'HEAD') answerText(response, 200, '');
    else this.feed.add(session, response);
  }

  private async runAll(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const session = this.actingSessionOf(request);
    const body = await readBody(request);
    const commands = commandsOf(body.commands);
    const { page, commandLine } = session.connections;
    const connection = body.onCommandLine === true ? commandLine : page;
    // All at once: nothing of another request comes in between.
    const replies = await Promise.all(
      commands.map((words) => {
        const refused = whyRefused(words, this.parts.ownName(words[0]!));
        return refused === null ? this.run(connection, words) : { error: refused };
      }),
    );
    answerJson(response, 200, { replies });
  }

  /** @throws RequestError when the session ends meanwhile */
  private run(connection: Session['connections']['page'], words: readonly string[]) {
    return connection.command(words, COMMAND_TIMEOUT_MS).catch((error: Error) => {
      throw new RequestError(401, `The session has ended: ${error.message}`);
    });
  }
}
