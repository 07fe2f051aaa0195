/** Primaries that are played: they say what a test has them say. */
import { type AddressInfo, createServer, type Server as NetServer, type Socket } from 'node:net';
import { encode } from '../support/client.js';

/** A primary that answers PSYNC with `answer` and then says no more. */
export class Liar {
  answer = '';
  /** What the replicas have said. */
  heard = '';
  private readonly sockets = new Set<Socket>();

  private constructor(private readonly server: NetServer) {}

  static async start(): Promise<Liar> {
    const server = createServer();
    const liar = new Liar(server);
    server.on('connection', (socket) => liar.serve(socket));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return liar;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  private serve(socket: Socket): void {
    this.sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => this.sockets.delete(socket));
    socket.on('data', (bytes) => {
      const text = bytes.toString('latin1');
      this.heard += text;
      if (/\r\nPING\r\n/.test(text)) socket.write('+PONG\r\n');
      else if (/DARTER/.test(text)) socket.write("-ERR unknown command 'DARTER'\r\n");
      else if (/capa|listening-port/.test(text)) socket.write('+OK\r\n');
      else if (/PSYNC/.test(text)) socket.write(this.answer, 'latin1');
    });
  }

  /** More of the stream, to all who follow. */
  say(text: string): void {
    for (const socket of this.sockets) socket.write(text, 'latin1');
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

/** Commands as a stream has them. */
export const commands = (...vectors: string[][]): string =>
  vectors.map((words) => encode(words).toString('latin1')).join('');
