/**
 * How the process's descriptors are shared out: a reserve for what the server itself opens, the rest
 * for clients. As in Redis, `maxclients` gives way when the limit (`ulimit -n`) is too low for it; so a
 * client too many gets its error, and files, threads and replication can still be opened.
 *
 * The reserve, as counted in a process with everything running (test/e2e/descriptors.test.ts counts
 * again):
 *
 *   the process      standard streams, log, configuration file, Node's own pipes and epolls
 *   an I/O thread    its Worker's loop (5), ring or epoll, eventfd, listeners, a file in /proc, and a
 *                    client that is accepted only to be told that there are too many
 *   a flow thread    its Worker's loop (5)
 *   flows            one of each flow thread to the primary, and the control connection; those of a
 *                    replica were clients once, and are no clients any more
 *   a TLS thread     its Worker's loop (5), listeners, and those it turns away
 *   loading          what a thread opens while it starts
 *   HTTP             with a metrics-port, its listeners and as many connections as it takes
 *
 * A client of tls-port takes three: its connection, and both ends of the pair that leads to an I/O
 * thread. Where there is a tls-port, all clients may be such.
 */

/** As Redis keeps for files and such. */
const PROCESS_DESCRIPTORS = 40;
const IO_THREAD_DESCRIPTORS = 10;
const FLOW_THREAD_DESCRIPTORS = 5;
/** Replicas whose flows the reserve has room for. More of them live on what clients leave. */
const REPLICAS_RESERVED = 4;

export interface DescriptorNeeds {
  readonly ioThreads: number;
  /** Of each kind: those that serve replicas, and those that follow a primary. */
  readonly flowThreads: number;
  readonly tlsThreads: number;
  /** For each I/O thread, and each TLS thread. */
  readonly listeners: number;
  /** For a moment, while a thread starts. */
  readonly loading: number;
  readonly http: number;
}

export function reservedDescriptors(needs: DescriptorNeeds): number {
  const { ioThreads, flowThreads, tlsThreads, listeners, loading, http } = needs;
  const threads =
    ioThreads * (IO_THREAD_DESCRIPTORS + 2 * listeners) +
    2 * flowThreads * FLOW_THREAD_DESCRIPTORS +
    tlsThreads * (FLOW_THREAD_DESCRIPTORS + 2 * listeners);
  const flows = 1 + flowThreads * (1 + REPLICAS_RESERVED);
  return PROCESS_DESCRIPTORS + threads + flows + loading + http;
}

/** Descriptors that a client may take. */
export function descriptorsPerClient(hasTls: boolean): number {
  return hasTls ? 3 : 1;
}

/** How many clients are possible: 0 when not even the reserve is there. */
export function clientsPossible(limit: number, reserved: number, perClient: number): number {
  return Math.max(0, Math.floor((limit - reserved) / perClient));
}

/**
 * Whether the descriptors that accepting may open at once, before anybody has looked at them, are more
 * than are left over: then clients have to be accepted one at a time.
 */
export function mustAcceptSingly(
  spare: number,
  { ioThreads, listeners }: DescriptorNeeds,
  backlog: number,
): boolean {
  return spare < 2 * ioThreads * listeners * backlog;
}
