/** What is counted of connections, over all threads. */
import { declareCounter, declareWord } from '../memory/control-layout.js';

export const CONNECTIONS = declareCounter('net.connections');
export const REJECTED_CONNECTIONS = declareCounter('net.rejected-connections');
export const INPUT_BYTES = declareCounter('net.input-bytes');
export const OUTPUT_BYTES = declareCounter('net.output-bytes');
export const READS = declareCounter('net.reads');
export const WRITES = declareCounter('net.writes');
export const CONNECTED_CLIENTS = declareWord('net.connected-clients');
/** Accepted by one thread and being handed to another, which does not count them yet. */
export const HANDED_OVER = declareWord('net.handed-over');
/** What clients take, without replicas: in bytes by thread, and in pages over all threads. */
export const CLIENT_BYTES = declareCounter('net.client-bytes', { lasting: true });
export const CLIENT_PAGES = declareWord('net.client-pages');
/** Of these bytes, what clients take that may be closed for it. */
export const EVICTABLE_CLIENT_BYTES = declareCounter('net.evictable-client-bytes', {
  lasting: true,
});
/** Closed as clients took more than maxmemory-clients. */
export const EVICTED_CLIENTS = declareCounter('net.evicted-clients');
