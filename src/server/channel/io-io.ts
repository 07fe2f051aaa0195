/**
 * Between the I/O threads: the questions that are gathered from all of them, and what one tells
 * another (gather.ts carries both). Payloads and answers are plain data: they are cloned.
 */
import type {
  ClientFilter,
  LatencyEvent,
  RunningScript,
  SlowLogEntry,
} from '../../commands/contract/server-port.js';
import type { AclLogEntry } from '../../engine/acl/acl-log.js';
import type { SessionState } from '../../engine/session.js';
import type { Gatherer } from './gather.js';
import type { HandedOver } from './hand-overs.js';

/** A client under way to another thread. */
export interface MovingClient {
  readonly descriptor: number;
  /** Received, but not executed yet: one char per byte. */
  readonly input: string;
  readonly state: SessionState;
  /** It goes to the home of its shard, to stay there. */
  readonly isAtHome: boolean;
}

export type IoQuestions = {
  /** CLIENT LIST's lines by client id. */
  readonly 'client-list': {
    readonly payload: ClientFilter;
    readonly answer: readonly (readonly [id: number, line: string])[];
  };
  /** Answered with how many clients were closed. */
  readonly 'client-kill': { readonly payload: ClientFilter; readonly answer: number };
  /** Answered with whether this thread's client waited. */
  readonly 'client-unblock': {
    readonly payload: { readonly id: number; readonly withError: boolean };
    readonly answer: boolean;
  };
  /**
   * The client with this id stays where it is, as it gets the invalidations of another one. Answered with
   * its thread, -1 by all others.
   */
  readonly 'tracking-hold': { readonly payload: number; readonly answer: number };
  readonly 'slow-log-entries': {
    readonly payload: null;
    readonly answer: readonly SlowLogEntry[];
  };
  readonly 'slow-log-reset': { readonly payload: null; readonly answer: null };
  readonly 'latency-events': {
    readonly payload: null;
    readonly answer: readonly LatencyEvent[];
  };
  /** Names of events, none for all. Answered with those that were there. */
  readonly 'latency-reset': {
    readonly payload: readonly string[];
    readonly answer: readonly string[];
  };
  /** Takes over changes of the configuration, and listens where it says. */
  readonly listen: { readonly payload: null; readonly answer: null };
  /** Takes over changes of users; connections that end by them have ended. */
  readonly 'users-renew': { readonly payload: null; readonly answer: null };
  readonly 'acl-log-entries': { readonly payload: null; readonly answer: readonly AclLogEntry[] };
  readonly 'acl-log-reset': { readonly payload: null; readonly answer: null };
  /** Adds what the thread has counted to its section of the control block. */
  readonly 'publish-counters': { readonly payload: null; readonly answer: null };
  /** Answered with the script that has run for too long on the thread. */
  readonly 'running-script': { readonly payload: null; readonly answer: RunningScript | null };
  readonly 'statistics-reset': { readonly payload: null; readonly answer: null };
};

export type IoTells = {
  /** An accepted descriptor, which the other thread owns once it has taken it. */
  readonly adopt: HandedOver;
  readonly move: MovingClient;
};

export type IoGatherer = Gatherer<IoQuestions, IoTells>;
