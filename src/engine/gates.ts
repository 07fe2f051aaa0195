/**
 * Reasons why a command may be refused or put off by the state of the server, as bits that the
 * dispatcher tests once per command. Each thread recomputes them once a turn from the shared state.
 */

/** The server loads a data set: only commands with the flag 'loading'. */
export const GATE_LOADING = 1;
/** A read-only replica: writes of ordinary clients are refused. */
export const GATE_READ_ONLY = 2;
/** A replica without its primary and replica-serve-stale-data no: only 'stale' commands. */
export const GATE_MASTER_DOWN = 4;
/** Fewer good replicas than min-replicas-to-write. */
export const GATE_NO_REPLICAS = 8;
/** CLIENT PAUSE WRITE: writes wait. */
export const GATE_PAUSE_WRITES = 16;
/** CLIENT PAUSE ALL: everything waits. */
export const GATE_PAUSE_ALL = 32;
/** Some client uses MONITOR: every command is told. */
export const GATE_MONITOR = 128;
/** The last save has failed, and stop-writes-on-bgsave-error yes: writes are refused, and PING. */
export const GATE_SAVE_FAILED = 256;
/** The journal cannot be written: writes are refused, and PING. The system's error is in the high bits. */
export const GATE_JOURNAL_FAILED = 512;
/** Where the number of that error begins: 0 without GATE_JOURNAL_FAILED. */
export const DISK_ERROR_SHIFT = 16;
/** The data cannot be brought to the disk, for one reason or another. */
export const GATES_DISK = GATE_SAVE_FAILED | GATE_JOURNAL_FAILED;
/** More is used than maxmemory allows, and nothing can be evicted. Set for the command under way. */
export const GATE_MEMORY = 64;
/** There is a maxmemory: before a command that may need memory, the dispatcher makes room. */
export const GATE_MEMORY_LIMIT = 2048;
