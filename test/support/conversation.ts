/**
 * Several clients who talk to one server, and all that each of them gets, to the byte and in order:
 * replies, messages and pushes. After each step every client asks for a PING, so that a step's bytes
 * are all there before the next begins.
 */
import { connect, type Socket } from 'node:net';

/** A client and what it sends: one or more inline commands. `(0)` stands for the id of client 0. */
export type Step = readonly [client: number, ...lines: string[]];

const STEP_TIMEOUT_MS = 120_000;

class Talker {
  private received = '';
  private closed = false;
  private notify: () => void = () => {};

  private constructor(private readonly socket: Socket) {
    socket.on('data', (chunk) => {
      this.received += chunk.toString('latin1');
      this.notify();
    });
    const end = (): void => {
      this.closed = true;
      this.notify();
    };
    socket.on('error', end);
    socket.on('close', end);
  }

  static open(port: number): Promise<Talker> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1', noDelay: true });
      socket.once('error', reject);
      socket.once('connect', () => resolve(new Talker(socket)));
    });
  }

  send(text: string): void {
    if (!this.closed) this.socket.write(Buffer.from(text, 'latin1'));
  }

  /** Its number as the server counts clients. */
  async id(): Promise<string> {
    this.send('CLIENT ID\r\n');
    return (await this.until('--id--')).slice(1, -2);
  }

  /** All that came before the answer to `PING marker`. */
  async until(marker: string): Promise<string> {
    this.send(`PING ${marker}\r\n`);
    const endMs = Date.now() + STEP_TIMEOUT_MS;
    for (;;) {
      const at = this.received.indexOf(`$${marker.length}\r\n${marker}\r\n`);
      if (at >= 0 || this.closed) return this.take(at, marker);
      const leftMs = endMs - Date.now();
      if (leftMs <= 0) throw new Error(`no answer to PING: ${JSON.stringify(this.received)}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs);
        this.notify = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /** Whether a marker's answer is an array (RESP2, subscribed) belongs to what is compared. */
  private take(at: number, marker: string): string {
    if (at < 0) {
      const rest = `${this.received}(closed)`;
      this.received = '';
      return rest;
    }
    const taken = this.received.slice(0, at);
    this.received = this.received.slice(at + `$${marker.length}\r\n${marker}\r\n`.length);
    return taken;
  }

  /** When the server has closed the connection, it has forgotten the client. */
  async quit(): Promise<void> {
    if (this.closed) return;
    const ended = new Promise((resolve) => this.socket.once('close', resolve));
    this.send('QUIT\r\n');
    await ended;
  }
}

/**
 * What each client got in each step.
 * @param isTurnOver whether the server's turn ends before a step does: some messages go out at its end only
 */
export async function converse(
  port: number,
  clients: number,
  steps: readonly Step[],
  isTurnOver = false,
): Promise<string[]> {
  const talkers: Talker[] = [];
  const lines: string[] = [];
  try {
    for (let i = 0; i < clients; i++) talkers.push(await Talker.open(port));
    const usesIds = steps.some(([, ...commands]) => commands.join().includes('(0)'));
    const id = usesIds ? await talkers[0]!.id() : '';
    for (const [number, [client, ...commands]] of steps.entries()) {
      const speaker = talkers[client]!;
      const text = commands.map((command) => `${command}\r\n`).join('');
      speaker.send(text.replaceAll('(0)', id));
      const marker = `--marker-${number}--`;
      // What it had to tell at the end of the turn of this one comes before the next one's answer.
      const early = isTurnOver ? await speaker.until(`--turn-${number}--`) : '';
      // The speaker first: when it has its replies, the others' messages are on their way.
      const own = early + (await speaker.until(marker));
      for (const [i, talker] of talkers.entries()) {
        const got = i === client ? own : await talker.until(marker);
        lines.push(`${number} (${client}: ${commands.join('; ')}) to ${i}: ${JSON.stringify(got)}`);
      }
    }
  } finally {
    await Promise.all(talkers.map((talker) => talker.quit()));
  }
  return lines;
}
