import { invariant } from '@qps/core'
import { setImmediate as turn } from 'node:timers/promises'
import { uvHandle, uvHandleType, uvPoll } from './abi.ts'
import { Arena } from './arena.ts'
import { loadNative } from './native.ts'

/** What `data` of the handle holds until the callback comes; the callback writes a status, 0 or negative. */
const silent = 1

/**
 * Lets Node's own loop watch a descriptor that it did not open, through libuv's `uv_poll_t`. While the descriptor has
 * nothing to say, the thread sleeps with the loop and uses no CPU.
 *
 * **No JavaScript is called from C.** A callback made by FFI would be JavaScript that libuv calls in the middle of its
 * work: neither promise callbacks nor `process.nextTick` run behind it, and in a thread that is just being terminated it
 * takes the process down. So the callback is a function of libuv's own, `uv_handle_set_data(handle, data)`: called with
 * `(handle, status, events)` it leaves the status in the handle, in memory that we can read. An immediate that does not
 * keep the loop awake stands ready, runs behind the polling in which that happened, and looks.
 *
 *     epoll_wait ─► uv_poll callback: data = status ─► immediates: is data still 1? no: onReady
 *
 * A watch starts out unreferenced: it keeps the process alive only after `ref`.
 */
export class LoopWatch {
  readonly #handle: Arena
  readonly #onReady: () => void
  #standing: NodeJS.Immediate | undefined
  readonly #look = (): void => {
    this.#standing = undefined
    const { words } = this.#handle
    if (words[uvHandle.dataWord] === silent) return this.arm()
    words[uvHandle.dataWord] = silent
    this.#onReady()
  }

  /** @param onReady called from an immediate, once for each `arm` behind which `descriptor` was readable. */
  constructor(descriptor: number, onReady: () => void) {
    const native = loadNative()
    this.#onReady = onReady
    this.#handle = new Arena(Math.max(4096, Number(native.uv_handle_size(uvHandleType.POLL))))
    const { address, words } = this.#handle
    const initialized = native.uv_poll_init(native.loop(), address, descriptor)
    invariant(initialized === 0, `uv_poll_init of descriptor ${descriptor} succeeds, not ${initialized}`)
    this.#markInternal()
    words[uvHandle.dataWord] = silent
    native.uv_poll_start(address, uvPoll.READABLE, native.addressOf('uv_handle_set_data'))
    native.uv_unref(address)
  }

  /** Does it look? */
  get armed(): boolean {
    return this.#standing !== undefined
  }

  /** Looks from now on. Whoever has work to do anyway need not. */
  arm(): void {
    this.#standing ??= setImmediate(this.#look).unref()
  }

  /**
   * A thread that is terminated runs no more JavaScript, so it cannot close the handle, and Node aborts the process over
   * handles that are left in a loop. libuv marks handles of its own as internal and closes the loop over them; so is this
   * one marked. `flags` is a field of the public `uv_handle_t` (`include/uv.h`), its bits are those of libuv 1
   * (`src/uv-common.h`). That they are where we think is tested first: a fresh handle is referenced and not internal.
   */
  #markInternal(): void {
    const { words } = this.#handle
    const flags = words[uvHandle.flagsWord]!
    if ((flags & (uvHandle.REF | uvHandle.INTERNAL)) === uvHandle.REF)
      words[uvHandle.flagsWord] = flags | uvHandle.INTERNAL
  }

  /** Keeps the process alive. */
  ref(): void {
    loadNative().uv_ref(this.#handle.address)
  }

  unref(): void {
    loadNative().uv_unref(this.#handle.address)
  }

  /** Stops watching. The descriptor must be closed afterwards, not before. Resolves when libuv has let go of the handle. */
  async close(): Promise<void> {
    const native = loadNative()
    native.uv_poll_stop(this.#handle.address)
    native.uv_close(this.#handle.address, 0n)
    // Closing handles are finished at the end of an iteration, behind its immediates: after two turns it has happened.
    await turn()
    await turn()
    clearImmediate(this.#standing)
    this.#handle.release()
  }
}
