/**
 * The suite's server thread: a transport with a LineServer, steered by messages. A native transport
 * blocks its thread, so messages are fetched in `woken`, by `receiveMessageOnPort`.
 */
import {
  type MessagePort,
  parentPort,
  receiveMessageOnPort,
  workerData,
} from 'node:worker_threads';
import type { UringSizes } from '../ffi/uring.js';
import { createTransport } from '../select.js';
import { type ListenAddress, TransportError, type TransportName } from '../transport.js';
import { type Detached, LineServer } from './line-server.js';

export interface ThreadOptions {
  readonly name: TransportName;
  readonly port: MessagePort;
  readonly waitMs: number;
  /** Offers every second descriptor to the parent, which lets another thread adopt it. */
  readonly handOver: boolean;
  readonly uringSizes: UringSizes | undefined;
}

export type Order =
  | { readonly order: 'listen'; readonly address: ListenAddress }
  | { readonly order: 'adopt'; readonly descriptor: number }
  | { readonly order: 'resume'; readonly state: Detached }
  | { readonly order: 'keepAlive'; readonly seconds: number }
  | { readonly order: 'counters' | 'closeListeners' | 'detachAll' | 'stop' };

const options = workerData as ThreadOptions;
const transport = createTransport(
  options.name,
  options.uringSizes ? { uringSizes: options.uringSizes } : {},
);
const server = new LineServer(transport);
server.waitMs = options.waitMs;

server.onDetached = (detached) => options.port.postMessage({ detached });

let offered = 0;
if (options.handOver) {
  server.onOffered = (descriptor) => {
    if (offered++ % 2 === 0) return true;
    options.port.postMessage({ offered: descriptor });
    return false;
  };
}

function listen(address: ListenAddress): void {
  transport.listen(address).then(
    (port) => options.port.postMessage({ listening: port }),
    (error: unknown) => {
      const code = error instanceof TransportError ? error.code : String(error);
      options.port.postMessage({ failed: code });
    },
  );
}

function obey(order: Order): void {
  if (order.order === 'listen') listen(order.address);
  else if (order.order === 'adopt') transport.adopt(order.descriptor);
  else if (order.order === 'resume') server.adopt(order.state);
  else if (order.order === 'detachAll') server.detachAll();
  else if (order.order === 'keepAlive') transport.keepAliveSeconds = order.seconds;
  else if (order.order === 'closeListeners') transport.closeListeners();
  else if (order.order === 'stop') transport.stop();
  options.port.postMessage({ counters: server.counters });
}

server.onWoken = () => {
  for (;;) {
    const received = receiveMessageOnPort(options.port);
    if (received === undefined) return;
    obey(received.message as Order);
  }
};

/** Before the loop runs, orders are looked for now and then; 'run' starts it. */
async function main(): Promise<void> {
  options.port.postMessage({ waker: transport.waker });
  for (let running = false; !running; ) {
    await new Promise((resolve) => setTimeout(resolve, 2));
    const received = receiveMessageOnPort(options.port);
    if (received === undefined) continue;
    const order = received.message as Order | { order: 'run' };
    if (order.order === 'run') running = true;
    else obey(order);
  }
  await transport.run(server);
  options.port.postMessage({ stopped: true });
  parentPort?.close();
  options.port.close();
}

await main();
