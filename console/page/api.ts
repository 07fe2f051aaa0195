/** What the page asks the server for. */
import { errorOf, type Reply } from '../lib/reply.js';
import { toWord } from '../lib/words.js';

export interface SessionFacts {
  readonly user: string;
  readonly requestToken: string;
}

export interface DirectiveDoc {
  readonly name: string;
  readonly summary: string;
  readonly initial: string;
  readonly change: 'anytime' | 'at start' | 'protected';
  readonly hasEffect: boolean;
  readonly isSecret: boolean;
}

/** The server refuses, in words for people. */
export class RequestFailed extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

export class Api {
  /** Called when the session has ended. */
  onLoggedOut: (reason: string) => void = () => {};
  private requestToken = '';
  /** Which session this page is in, counted by their ends. */
  private sessions = 0;

  /** The session is over: answers to what it has asked are for nobody, also when they come in the next one. */
  forget(): void {
    this.sessions++;
    this.requestToken = '';
  }

  /** @returns null when nobody is logged in */
  async session(): Promise<SessionFacts | null> {
    try {
      return this.begin(await request<SessionFacts>('GET', 'session'));
    } catch (error) {
      if (error instanceof RequestFailed && error.status === 401) return null;
      throw error;
    }
  }

  /** @param password null: without one, as on a new server @throws RequestFailed */
  async logIn(user: string, password: string | null): Promise<SessionFacts> {
    return this.begin(await request<SessionFacts>('POST', 'login', { user, password }));
  }

  /** Its answer may come after the event that tells the session's end. */
  async logOut(): Promise<void> {
    await request('POST', 'logout', {}, this.requestToken);
  }

  directives(): Promise<DirectiveDoc[]> {
    return request<DirectiveDoc[]>('GET', 'directives');
  }

  /** Commands in words of text. @throws RequestFailed */
  run(...commands: readonly (readonly string[])[]): Promise<Reply[]> {
    return this.runWords(commands.map((words) => words.map(toWord)));
  }

  /** One command. @throws RequestFailed also when its reply is an error */
  async ask(...words: readonly string[]): Promise<Reply> {
    const [reply = null] = await this.run(words);
    const error = errorOf(reply);
    if (error !== null) throw new RequestFailed(400, error);
    return reply;
  }

  /** @param commands words with one char per byte @throws RequestFailed */
  async runWords(commands: readonly (readonly string[])[], onCommandLine = false) {
    const { replies } = await this.post<{ replies: Reply[] }>('commands', {
      commands,
      onCommandLine,
    });
    return replies;
  }

  private begin(facts: SessionFacts): SessionFacts {
    this.requestToken = facts.requestToken;
    return facts;
  }

  /** It never settles when the session ends before the answer comes. */
  private async post<Answer>(name: string, body: unknown): Promise<Answer> {
    const session = this.sessions;
    try {
      const answer = await request<Answer>('POST', name, body, this.requestToken);
      return session === this.sessions ? answer : await new Promise(() => {});
    } catch (error) {
      if (session !== this.sessions) return new Promise(() => {});
      if (error instanceof RequestFailed && error.status === 401) this.onLoggedOut(error.message);
      throw error;
    }
  }
}

async function request<Answer>(
  method: string,
  name: string,
  body?: unknown,
  token = '',
): Promise<Answer> {
  const headers: Record<string, string> = {};
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  if (token !== '') headers['X-Console-Token'] = token;
  const content = body === undefined ? null : JSON.stringify(body);
  const response = await fetch(`/console/api/${name}`, { method, headers, body: content });
  const text = await response.text();
  if (response.ok) return JSON.parse(text) as Answer;
  throw new RequestFailed(response.status, messageIn(text));
}

function messageIn(text: string): string {
  try {
    return (JSON.parse(text) as { error?: string }).error ?? text;
  } catch {
    return text.trim();
  }
}
