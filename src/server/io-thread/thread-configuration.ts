/**
 * CONFIG SET on an I/O thread: what is asked before a change, and who must have followed before it is
 * answered. The other I/O threads listen elsewhere while it runs; the main thread and the TLS threads
 * take their time, so the client waits.
 */
import type { Log } from '../../base/log.js';
import type { ControlBlock } from '../../memory/control.js';
import type { Transport } from '../../platform/transport.js';
import type { IoGatherer } from '../channel/io-io.js';
import type { IoThreadData } from '../channel/main-io.js';
import { OomScore } from '../channel/oom-score.js';
import type { Config } from '../config/config.js';
import { guardListeners } from './guard-listeners.js';
import { guardTls } from './guard-tls.js';
import { listenAnew, whyTooManyClients } from './listeners.js';

/** What the main thread has carried out by TLS threads. */
const CARRIED_OUT_ELSEWHERE = ['tls-port', 'bind'];

export interface ThreadConfigurationParts {
  readonly config: Config;
  readonly log: Log;
  readonly data: IoThreadData;
  readonly control: ControlBlock;
  readonly isReplica: () => boolean;
  /** Asks the main thread to tell when all has followed: `settled`. */
  readonly ask: (id: number) => void;
}

export class ThreadConfiguration {
  private readonly waiting = new Map<number, () => void>();
  private lastId = 0;

  constructor(private readonly parts: ThreadConfigurationParts) {
    const { config, log, data, control, isReplica } = parts;
    config.guard('maxclients', (value) => whyTooManyClients(Number(value), data.descriptors));
    guardTls(config, log);
    guardListeners(config, log);
    // Last: it acts already, on what nobody else refuses.
    new OomScore(control, log).guard(config, isReplica);
  }

  /** CONFIG SET of `port` or `bind` is answered when all threads listen there. */
  followAddresses(transport: Transport, gatherer: IoGatherer, listeningPort: string): void {
    const { config, data, log } = this.parts;
    // Where the system has chosen the port, the directive follows.
    let [port, bind] = [listeningPort, config.value('bind')];
    const follow = (): void => {
      if (config.value('port') === port && config.value('bind') === bind) return;
      [port, bind] = [config.value('port'), config.value('bind')];
      listenAnew(transport, config, data, (text) => log.warning(text));
    };
    config.onChange('port', follow);
    config.onChange('bind', follow);
    gatherer.answers('listen', () => {
      config.refresh();
      return null;
    });
    config.wasSet = (names) => {
      if (names.includes('port') || names.includes('bind')) gatherer.gather('listen', null);
    };
  }

  mustSettle(names: readonly string[]): boolean {
    return names.some((name) => CARRIED_OUT_ELSEWHERE.includes(name.toLowerCase()));
  }

  settle(done: () => void): void {
    const id = ++this.lastId;
    this.waiting.set(id, done);
    this.parts.ask(id);
  }

  /** The main thread's answer. */
  settled(id: number): void {
    const done = this.waiting.get(id);
    this.waiting.delete(id);
    done?.();
  }
}
