import { QpsError } from '@qps/core'
import { readFileSync } from 'node:fs'
import { release } from 'node:os'
import { Ring } from './io-uring/ring.ts'
import { systemError } from './sys/errno.ts'
import { whyNoFfi } from './sys/ffi.ts'
import type { Backend } from './poller.ts'

/** What this process may use, and why not the rest. */
export interface Probe {
  /** Undefined where it works, else why it does not: a clause that ends a sentence. */
  io_uring: string | undefined
  epoll: string | undefined
  libuv: undefined
}

/** Multishot receive came with Linux 6.0, deferred task work with 6.1. Earlier kernels know io_uring, but not enough of it. */
const kernelMin = 601

let probed: Probe | undefined

/** Tries what there is, once per thread. Setting `QPS_NETPOLL_FORBID` (a list of backends) makes it find less. */
export function probe(): Probe {
  probed ??= { io_uring: whyNotIoUring(), epoll: whyNotFfi('epoll'), libuv: undefined }
  return probed
}

/**
 * The backend to use.
 *
 * @throws QpsError QPS_BACKEND_UNAVAILABLE where the one asked for cannot be used here.
 */
export function choose(wanted: Backend | 'auto'): { backend: Backend; reason: string } {
  const found = probe()
  if (wanted !== 'auto') {
    const why = found[wanted]
    if (why === undefined) return { backend: wanted, reason: `${wanted}: asked for` }
    throw new QpsError('QPS_BACKEND_UNAVAILABLE', `${wanted} cannot be used here: ${why}`, {
      hint: "use backend: 'auto', which takes the fastest that works",
    })
  }
  if (found.io_uring === undefined)
    return { backend: 'io_uring', reason: `io_uring: Linux ${release()} and node:ffi allow it` }
  if (found.epoll === undefined)
    return { backend: 'epoll', reason: `epoll: io_uring cannot be used here, ${found.io_uring}` }
  return { backend: 'libuv', reason: `libuv: ${found.epoll}` }
}

function whyNotFfi(backend: Backend): string | undefined {
  if ((process.env['QPS_NETPOLL_FORBID'] ?? '').split(',').includes(backend)) return 'QPS_NETPOLL_FORBID names it'
  if (process.platform !== 'linux') return `this is ${process.platform}, not Linux`
  if (process.arch !== 'x64' && process.arch !== 'arm64')
    return `the layouts are known for x64 and arm64, not ${process.arch}`
  return whyNoFfi()
}

function whyNotIoUring(): string | undefined {
  const why = whyNotFfi('io_uring')
  if (why !== undefined) return why
  const [major = 0, minor = 0] = release().split('.').map(Number)
  if (major * 100 + minor < kernelMin) return `Linux ${release()} is too old, 6.1 is needed`
  try {
    const ring = new Ring(4, 8)
    const entered = ring.enter(0)
    ring.close()
    return entered === 0 ? undefined : `io_uring_enter failed: ${systemError(entered, 'io_uring_enter').code}`
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EPERM') return `the kernel refuses it (EPERM): ${whoRefuses()}`
    if (code === 'ENOSYS') return 'this kernel was built without it (ENOSYS)'
    if (code === 'ENOMEM') return 'locked memory is limited too tightly (ENOMEM): raise ulimit -l'
    return `io_uring_setup failed with ${code}`
  }
}

/** kernel.io_uring_disabled: 0 allowed, 1 for a group only, 2 for nobody. Documentation/admin-guide/sysctl/kernel.rst */
function whoRefuses(): string {
  try {
    const level = readFileSync('/proc/sys/kernel/io_uring_disabled', 'utf8').trim()
    if (level !== '0') return `sysctl kernel.io_uring_disabled is ${level}`
  } catch {
    // A kernel before 6.6 has no such setting.
  }
  return 'a seccomp profile such as the default one of Docker'
}
