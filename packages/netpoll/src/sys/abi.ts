/*
 * Constants of the kernel's interface, each with its source. They hold for Linux on x86-64 and arm64, the two
 * architectures that `probe` lets through: both use the numbers of asm-generic.
 *
 * Sources are paths in the Linux source tree (6.18) unless a page is named.
 */

/** `include/uapi/asm-generic/unistd.h`; the same in `arch/x86/entry/syscalls/syscall_64.tbl`. */
export const systemCall = { ioUringSetup: 425, ioUringEnter: 426, ioUringRegister: 427 } as const

/** `include/linux/socket.h`, `include/uapi/asm-generic/socket.h`, `include/uapi/linux/tcp.h`, `include/linux/net.h`. */
export const socket = {
  AF_UNIX: 1,
  AF_INET: 2,
  AF_INET6: 10,
  SOCK_STREAM: 1,
  SOCK_NONBLOCK: 0o4000,
  SOCK_CLOEXEC: 0o2000000,
  SOL_SOCKET: 1,
  SO_REUSEADDR: 2,
  SO_ERROR: 4,
  SO_LINGER: 13,
  SO_REUSEPORT: 15,
  IPPROTO_TCP: 6,
  IPPROTO_IPV6: 41,
  TCP_NODELAY: 1,
  IPV6_V6ONLY: 26,
  MSG_WAITALL: 0x100,
  MSG_NOSIGNAL: 0x4000,
  SHUT_WR: 1,
} as const

/** `include/uapi/asm-generic/mman-common.h`, `mman.h`. */
export const memory = {
  PROT_READ_WRITE: 0x3,
  MAP_SHARED: 0x01,
  MAP_PRIVATE: 0x02,
  MAP_ANONYMOUS: 0x20,
  MAP_NORESERVE: 0x4000,
  MAP_POPULATE: 0x8000,
} as const

/** `include/uapi/linux/eventpoll.h`. The record is packed on x86-64 only: {@link epollEventLayout}. */
export const epoll = {
  EPOLL_CLOEXEC: 0o2000000,
  EPOLL_CTL_ADD: 1,
  EPOLL_CTL_DEL: 2,
  EPOLLIN: 0x001,
  EPOLLOUT: 0x004,
  EPOLLERR: 0x008,
  EPOLLHUP: 0x010,
  EPOLLRDHUP: 0x2000,
} as const

/** `struct epoll_event { __poll_t events; __u64 data; }`, in 32-bit words: size and place of `data`. */
export const epollEventLayout = {
  x64: { words: 3, dataWord: 1 },
  arm64: { words: 4, dataWord: 2 },
} as const

/** `include/uapi/asm-generic/fcntl.h`, `include/uapi/linux/fcntl.h`. */
export const fileControl = { F_SETFL: 4, F_SETPIPE_SZ: 1031, O_NONBLOCK: 0o4000, O_CLOEXEC: 0o2000000 } as const

/** `include/linux/splice.h`. MORE: further bytes follow, which need not leave in a packet of their own. */
export const spliceFlag = { MORE: 0x4 } as const

/** `include/uapi/linux/eventfd.h`. */
export const eventfd = { EFD_CLOEXEC: 0o2000000, EFD_NONBLOCK: 0o4000 } as const

/** `include/uapi/linux/io_uring.h`, as are all of the following. */
export const ringSetup = {
  /** The size of the completion queue is in `cq_entries`. */
  CQSIZE: 0x8,
  /** More entries asked for than allowed: take the maximum. */
  CLAMP: 0x10,
  /** One thread submits: the kernel saves locks. Linux 6.0. */
  SINGLE_ISSUER: 0x1000,
  /** Completions are worked off only when the thread asks for them. Linux 6.1. */
  DEFER_TASKRUN: 0x2000,
} as const

export const ringFeature = {
  /** Completions that do not fit are kept, not dropped. */
  NODROP: 0x2,
} as const

/**
 * EXT_ARG: the sixth argument points to `struct io_uring_getevents_arg { u64 sigmask; u32 sigmask_sz; u32 min_wait_usec;
 * u64 ts; }`, and `ts` to a `struct __kernel_timespec { s64 sec; s64 nsec; }`. Linux 5.11.
 */
export const ringEnter = { GETEVENTS: 0x1, EXT_ARG: 0x8 } as const
export const getEventsArgument = { bytes: 24, timeWord: 4 } as const

/** Bits of the flags word in the submission ring. */
export const submissionRingFlag = { CQ_OVERFLOW: 0x2 } as const

/** Bits of the flags word in the completion ring. */
export const completionRingFlag = { EVENTFD_DISABLED: 0x1 } as const

/**
 * BUFFERS2 and BUFFERS_UPDATE take `struct io_uring_rsrc_register { u32 nr; u32 flags; u64 resv2; u64 data; u64 tags; }` and
 * `struct io_uring_rsrc_update2 { u32 offset; u32 resv; u64 data; u64 tags; u32 nr; u32 resv2; }`, of 32 bytes each, whose
 * size stands in the place of the count. PROBE fills `struct io_uring_probe`, 16 bytes, with `struct io_uring_probe_op
 * { u8 op; u8 resv; u16 flags; u32 resv2; }` behind it, 8 bytes each.
 */
export const ringRegister = {
  EVENTFD: 4,
  PROBE: 8,
  BUFFERS2: 15,
  BUFFERS_UPDATE: 16,
  PBUF_RING: 22,
  UNREGISTER_PBUF_RING: 23,
} as const

/** A table of registered buffers whose places are filled later. Linux 5.19. */
export const resourceFlag = { REGISTER_SPARSE: 0x1 } as const
export const resourceBytes = 32
export const probeLayout = { headBytes: 16, operationBytes: 8, flagsAt: 2, SUPPORTED: 0x1 } as const

/** Offsets for mmap of the ring's memory. */
export const ringMap = { SQ_RING: 0, SQES: 0x10000000 } as const

export const ringOperation = {
  NOP: 0,
  WRITE_FIXED: 5,
  ACCEPT: 13,
  ASYNC_CANCEL: 14,
  CONNECT: 16,
  CLOSE: 19,
  SEND: 26,
  RECV: 27,
  SPLICE: 30,
  SEND_ZC: 47,
} as const

/** Bits of `sqe.flags`. */
export const submissionFlag = { BUFFER_SELECT: 0x20 } as const

/** Bits of `sqe.ioprio` for accept and recv: go on until told otherwise. */
export const multishot = { ACCEPT: 0x1, RECV: 0x2 } as const

/** Bits of `sqe.ioprio` for SEND_ZC: the buffer is a registered one; its notification says whether bytes were copied (6.2). */
export const zeroCopyFlag = { FIXED_BUFFER: 0x4, REPORT_USAGE: 0x8 } as const

/** The result of a notification that was asked to say: its bytes were copied after all. */
export const notificationCopied: number = 0x8000_0000 | 0

/** Words of a submission that only some operations use: the upper half of `off`, and `splice_fd_in`. */
export const submissionWord = { offsetHigh: 3, spliceFrom: 11 } as const

/** Bits of `sqe.cancel_flags`. */
export const cancelFlag = { ALL: 0x1, FD: 0x2 } as const

/** Bits of `cqe.flags`; the upper half is the number of the provided buffer. */
export const completionFlag = { BUFFER: 0x1, MORE: 0x2, NOTIFICATION: 0x8, BUFFER_SHIFT: 16 } as const

/**
 * `struct io_uring_params`, byte offsets. 120 bytes: 10 words, then `sq_off` and `cq_off` of 40 bytes each.
 *
 *     0 sq_entries   4 cq_entries   8 flags   20 features
 *    40 sq_off: head, tail, ring_mask, ring_entries, flags, dropped, array
 *    80 cq_off: head, tail, ring_mask, ring_entries, overflow, cqes, flags
 */
export const ringParams = {
  bytes: 120,
  sqEntries: 0,
  cqEntries: 4,
  flags: 8,
  features: 20,
  sqHead: 40,
  sqTail: 44,
  sqFlags: 56,
  sqArray: 64,
  cqHead: 80,
  cqTail: 84,
  cqCqes: 100,
  cqFlags: 104,
} as const

/** `struct io_uring_sqe` is 64 bytes, `struct io_uring_cqe` 16, `struct io_uring_buf` 16. In 32-bit words: */
export const sqeWords = 16
export const cqeWords = 4
export const bufferWords = 4

/** libuv's `uv_poll_event`: `include/uv.h`. */
export const uvPoll = { READABLE: 1 } as const
/** libuv's `uv_handle_type`: POLL is the eighth of UV_HANDLE_TYPE_MAP. `include/uv.h`. */
export const uvHandleType = { POLL: 8 } as const
/**
 * `uv_handle_t`: data, loop, type, close_cb, handle_queue[2], u (4 pointers), next_closing, flags: 22 words of 32 bits
 * before the last. Bits: `src/uv-common.h`.
 */
export const uvHandle = { dataWord: 0, flagsWord: 22, REF: 0x8, INTERNAL: 0x10 } as const
