/** A server with a console, and somebody who asks it as a browser does. */
import { request } from 'node:http';
import { type Answer, askHttp } from '../support/http.js';
import { claimPort, releasePort } from '../support/ports.js';
import { type Server, startDarter } from '../support/server.js';
import { until } from '../support/until.js';

export interface Site {
  readonly server: Server;
  /** Of HTTP. */
  readonly port: number;
  readonly url: string;
}

export async function startSite(...args: string[]): Promise<Site & AsyncDisposable> {
  const port = await claimPort();
  const password = args.includes('--requirepass')
    ? args[args.indexOf('--requirepass') + 1]
    : undefined;
  const server = await startDarter({
    args: ['--metrics-port', String(port), '--enable-debug-command', 'yes', ...args],
    ...(password === undefined ? {} : { password }),
  });
  await until('HTTP is there', async () => (await new Visitor(port).get('/health')).status === 200);
  const stop = async (): Promise<void> => {
    await server.stop();
    releasePort(port);
  };
  return { server, port, url: `http://127.0.0.1:${port}/console`, [Symbol.asyncDispose]: stop };
}

export class Visitor {
  /** The cookie, as the browser would send it. */
  cookie = '';
  requestToken = '';

  constructor(readonly port: number) {}

  get(path: string, headers: Record<string, string> = {}): Promise<Answer> {
    return this.send('GET', path, '', headers);
  }

  /** A request of the page. */
  post(name: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    return this.send('POST', `/console/api/${name}`, text, {
      'Content-Type': 'application/json',
      'X-Console-Token': this.requestToken,
      ...headers,
    });
  }

  async logIn(user: string, password: string | null): Promise<Answer> {
    const answer = await this.post('login', { user, password });
    if (answer.status !== 200) return answer;
    const [cookie = ''] = (answer.headers['set-cookie'] as string[] | undefined) ?? [];
    this.cookie = cookie.split(';', 1)[0]!;
    this.requestToken = (JSON.parse(answer.text) as { requestToken: string }).requestToken;
    return answer;
  }

  /** One command of the page. */
  async run(...words: string[]): Promise<unknown> {
    const answer = await this.post('commands', { commands: [words] });
    if (answer.status !== 200) throw new Error(`${answer.status}: ${answer.text}`);
    return (JSON.parse(answer.text) as { replies: unknown[] }).replies[0];
  }

  /** The first event with data, then it looks away. */
  firstEvent(): Promise<{ readonly status: number; readonly text: string }> {
    return new Promise((resolve, reject) => {
      const headers = this.cookie === '' ? {} : { Cookie: this.cookie };
      const options = { host: '127.0.0.1', port: this.port, path: '/console/api/events', headers };
      const sent = request({ ...options, agent: false }, (response) => {
        let text = '';
        const done = (): void => {
          resolve({ status: response.statusCode ?? 0, text });
          sent.destroy();
        };
        response.on('data', (bytes) => {
          text += String(bytes);
          if (/data: .*\n\n/.test(text)) done();
        });
        response.on('end', done);
      });
      sent.on('error', reject);
      sent.end();
    });
  }

  private send(
    method: string,
    path: string,
    body: string,
    headers: Record<string, string>,
  ): Promise<Answer> {
    const cookie = this.cookie === '' ? {} : { Cookie: this.cookie };
    return askHttp(this.port, path, { method, body, headers: { ...cookie, ...headers } });
  }
}
