/** Numbers of the io_uring interface (linux/io_uring.h) that the transport uses. */

export const SYS_IO_URING_SETUP = 425;
export const SYS_IO_URING_ENTER = 426;
export const SYS_IO_URING_REGISTER = 427;

export const SETUP_CQSIZE = 1 << 3;
export const SETUP_CLAMP = 1 << 4;
export const SETUP_SUBMIT_ALL = 1 << 7;
export const SETUP_COOP_TASKRUN = 1 << 8;
export const SETUP_SINGLE_ISSUER = 1 << 12;
export const SETUP_DEFER_TASKRUN = 1 << 13;

export const FEATURE_SINGLE_MMAP = 1 << 0;
export const FEATURE_NODROP = 1 << 1;
export const FEATURE_EXT_ARG = 1 << 8;
export const FEATURE_CQE_SKIP = 1 << 11;

export const OFFSET_SQ_RING = 0;
export const OFFSET_SQES = 0x10000000;

export const ENTER_GETEVENTS = 1 << 0;
export const ENTER_EXT_ARG = 1 << 3;
export const ENTER_REGISTERED_RING = 1 << 4;

export const REGISTER_PROBE = 8;
export const REGISTER_RING_FDS = 20;
export const REGISTER_PBUF_RING = 22;

export const SQ_FLAG_CQ_OVERFLOW = 1 << 1;

export const OP_POLL_ADD = 6;
export const OP_ACCEPT = 13;
export const OP_ASYNC_CANCEL = 14;
export const OP_CLOSE = 19;
export const OP_SEND = 26;
export const OP_RECV = 27;

export const SQE_BUFFER_SELECT = 1 << 5;
export const SQE_CQE_SKIP_SUCCESS = 1 << 6;

export const RECVSEND_POLL_FIRST = 1 << 0;
export const RECV_MULTISHOT = 1 << 1;
export const ACCEPT_MULTISHOT = 1 << 0;
export const POLL_ADD_MULTI = 1 << 0;

export const CQE_BUFFER = 1 << 0;
export const CQE_MORE = 1 << 1;
export const CQE_BUFFER_SHIFT = 16;
