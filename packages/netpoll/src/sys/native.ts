import { invariant } from '@qps/core'
import type * as Ffi from 'node:ffi'
import { loadFfi } from './ffi.ts'

/*
 * Every native function that this package calls, with its C signature. All are symbols of the node process itself: glibc's
 * and libuv's. Nothing else in the package calls into native code.
 *
 * Cost decides the types (measured on Node 26): a call whose arguments are all 32-bit integers is compiled into the
 * caller and costs little more than the function; one with a pointer, given as a bigint, several times that. So what is
 * called in every turn takes integers only, or a pointer that was made once.
 *
 * A parameter narrower than C's is safe only where the callee reads no more than those 32 bits: true of descriptors,
 * counts and flags, which are `int`; lengths are `size_t` and stay 64 bits wide. A result may be narrower: its upper half
 * is simply not looked at, and no length here reaches 2^31.
 */
const signatures = {
  // memory: mmap(2), munmap(2)
  mmap: [['pointer', 'uint64', 'int32', 'int32', 'int32', 'int64'], 'pointer'],
  munmap: [['pointer', 'uint64'], 'int32'],
  // descriptors: close(2), read(2), eventfd(2), fcntl(2), pipe(2)
  close: [['int32'], 'int32'],
  read: [['int32', 'pointer', 'uint64'], 'int64'],
  eventfd: [['uint32', 'int32'], 'int32'],
  fcntl: [['int32', 'int32', 'int32'], 'int32'],
  pipe2: [['pointer', 'int32'], 'int32'],
  // sockets: socket(2), setsockopt(2), bind(2), listen(2), getsockname(2), getpeername(2), shutdown(2)
  socket: [['int32', 'int32', 'int32'], 'int32'],
  setsockopt: [['int32', 'int32', 'int32', 'pointer', 'uint32'], 'int32'],
  getsockopt: [['int32', 'int32', 'int32', 'pointer', 'pointer'], 'int32'],
  bind: [['int32', 'pointer', 'uint32'], 'int32'],
  listen: [['int32', 'int32'], 'int32'],
  getsockname: [['int32', 'pointer', 'pointer'], 'int32'],
  getpeername: [['int32', 'pointer', 'pointer'], 'int32'],
  shutdown: [['int32', 'int32'], 'int32'],
  connect: [['int32', 'pointer', 'uint32'], 'int32'],
  accept4: [['int32', 'pointer', 'pointer', 'int32'], 'int32'],
  recv: [['int32', 'pointer', 'uint64', 'int32'], 'int32'],
  send: [['int32', 'pointer', 'uint64', 'int32'], 'int32'],
  // epoll(7)
  epoll_create1: [['int32'], 'int32'],
  epoll_ctl: [['int32', 'int32', 'int32', 'pointer'], 'int32'],
  epoll_wait: [['int32', 'pointer', 'int32', 'int32'], 'int32'],
  // libuv: docs.libuv.org/en/v1.x/poll.html and handle.html
  uv_handle_size: [['int32'], 'uint64'],
  uv_poll_init: [['pointer', 'pointer', 'int32'], 'int32'],
  uv_poll_start: [['pointer', 'int32', 'pointer'], 'int32'],
  uv_poll_stop: [['pointer'], 'int32'],
  uv_close: [['pointer', 'pointer'], 'void'],
  uv_ref: [['pointer'], 'void'],
  uv_unref: [['pointer'], 'void'],
  // errno(3): the thread's own variable
  __errno_location: [[], 'pointer'],
} as const

/** io_uring has no wrappers in glibc: syscall(2), once for each shape of arguments. */
const systemCallShapes = {
  /** (number, entries, params) */
  ioUringSetup: [['int64', 'uint32', 'pointer'], 'int64'],
  /** (number, descriptor, opcode, argument, count) */
  ioUringRegister: [['int64', 'int32', 'uint32', 'pointer', 'uint32'], 'int64'],
  /** (number, descriptor, to submit, to wait for, flags, no signal mask, its size): integers only, once a turn. */
  ioUringEnter: [['int32', 'int32', 'uint32', 'uint32', 'uint32', 'int32', 'int32'], 'int32'],
  /** The same with a time limit, which costs a pointer. */
  ioUringWait: [['int32', 'int32', 'uint32', 'uint32', 'uint32', 'pointer', 'uint64'], 'int32'],
} as const

export interface Native {
  mmap(address: bigint, bytes: bigint, protection: number, flags: number, descriptor: number, offset: bigint): bigint
  munmap(address: bigint, bytes: bigint): number
  close(descriptor: number): number
  read(descriptor: number, to: bigint, bytes: bigint): bigint
  eventfd(initial: number, flags: number): number
  fcntl(descriptor: number, command: number, argument: number): number
  pipe2(descriptors: bigint, flags: number): number
  socket(family: number, type: number, protocol: number): number
  setsockopt(descriptor: number, level: number, option: number, value: bigint, bytes: number): number
  getsockopt(descriptor: number, level: number, option: number, value: bigint, bytes: bigint): number
  bind(descriptor: number, address: bigint, bytes: number): number
  listen(descriptor: number, backlog: number): number
  getsockname(descriptor: number, address: bigint, bytes: bigint): number
  getpeername(descriptor: number, address: bigint, bytes: bigint): number
  shutdown(descriptor: number, how: number): number
  connect(descriptor: number, address: bigint, bytes: number): number
  accept4(descriptor: number, address: bigint, bytes: bigint, flags: number): number
  recv(descriptor: number, to: bigint, bytes: bigint, flags: number): number
  send(descriptor: number, from: bigint, bytes: bigint, flags: number): number
  epoll_create1(flags: number): number
  epoll_ctl(epoll: number, operation: number, descriptor: number, event: bigint): number
  epoll_wait(epoll: number, events: bigint, eventsMax: number, timeoutMs: number): number
  uv_handle_size(type: number): bigint
  uv_poll_init(loop: bigint, handle: bigint, descriptor: number): number
  uv_poll_start(handle: bigint, events: number, callback: bigint): number
  uv_poll_stop(handle: bigint): number
  uv_close(handle: bigint, callback: bigint): void
  uv_ref(handle: bigint): void
  uv_unref(handle: bigint): void
  ioUringSetup(call: bigint, entries: number, parameters: bigint): bigint
  ioUringRegister(call: bigint, ring: number, opcode: number, argument: bigint, count: number): bigint
  ioUringEnter(call: number, ring: number, submit: number, wait: number, flags: number, mask: 0, size: 0): number
  ioUringWait(
    call: number,
    ring: number,
    submit: number,
    wait: number,
    flags: number,
    argument: bigint,
    bytes: bigint,
  ): number
  /** errno of this thread: read it right behind the call that failed, before anything else. Positive. */
  errno(): number
  /** A view of memory that nobody copies and nobody frees but its owner. */
  view(address: bigint, bytes: number): ArrayBuffer
  /** The thread's `uv_loop_t *`. */
  loop(): bigint
  /** Where a function of the process is. */
  addressOf(symbol: 'uv_handle_set_data'): bigint
}

let native: Native | undefined

/**
 * The native functions, bound once per thread.
 *
 * @throws Error where `node:ffi` is missing or forbidden; `probe` asks first.
 */
export function loadNative(): Native {
  native ??= bind()
  return native
}

function bind(): Native {
  const ffi = loadFfi()
  invariant(ffi !== undefined, 'node:ffi is there: probe has looked')
  const bound: Record<string, unknown> = {}
  const define = (name: string, symbol: string, [parameters, result]: readonly [readonly string[], string]): void => {
    // A library keeps one signature per symbol, so each function gets a library object of its own. None is closed:
    // what the thread calls must stay reachable for as long as the thread runs.
    const library = new ffi.DynamicLibrary(null)
    libraries.push(library)
    bound[name] = library.getFunction(symbol, { arguments: parameters as never, return: result as never })
  }
  for (const [name, signature] of Object.entries(signatures)) define(name, name, signature)
  for (const [name, signature] of Object.entries(systemCallShapes)) define(name, 'syscall', signature)
  const own = new ffi.DynamicLibrary(null)
  libraries.push(own)
  const errnoAt = (bound['__errno_location'] as () => bigint)()
  const errnoView = new Int32Array(ffi.toArrayBuffer(errnoAt, 4, false))
  return Object.assign(bound, {
    errno: () => errnoView[0]!,
    view: (address: bigint, bytes: number) => ffi.toArrayBuffer(address, bytes, false),
    loop: () => (ffi as unknown as { getCurrentEventLoop(): bigint }).getCurrentEventLoop(),
    addressOf: (symbol: string) => own.getSymbol(symbol),
  }) as unknown as Native
}

/** Keeps the libraries reachable: a collected one would take its functions with it. */
const libraries: InstanceType<typeof Ffi.DynamicLibrary>[] = []
