/** Whether the io_uring transport can run here: sets up a small ring and throws it away. */
import { ffiUnavailableReason, libc } from './libc.js';
import * as abi from './uring-abi.js';
import { ReceiveBuffers } from './uring-buffers.js';
import { Ring } from './uring-ring.js';

const OPERATIONS = [
  abi.OP_POLL_ADD,
  abi.OP_ACCEPT,
  abi.OP_ASYNC_CANCEL,
  abi.OP_CLOSE,
  abi.OP_SEND,
  abi.OP_RECV,
];

let known: string | undefined;

/** '' when it can, else why not. Asked once per thread. */
export function uringUnavailableReason(): string {
  known ??= probe();
  return known;
}

function probe(): string {
  if (libc === undefined) return ffiUnavailableReason();
  if (process.env.DARTER_NO_URING === '1') return 'io_uring is switched off by DARTER_NO_URING';
  let ring: Ring | undefined;
  try {
    // The ring's flags and features need Linux 6.1, whose multishot operations all work.
    ring = new Ring(8, 16);
    if (!ring.supports(OPERATIONS)) return 'io_uring lacks operations';
    new ReceiveBuffers(ring, 8);
    return '';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    ring?.close();
  }
}
