import { invariant } from '@qps/core'
import { setImmediate as turn } from 'node:timers/promises'
import { uvHandle, uvHandleType, uvPoll } from './abi.ts'
import { Arena } from './arena.ts'
import { loadNative } from './native.ts'

/**
 * Lets Node's own loop watch a descriptor that it did not open, through libuv's `uv_poll_t`. While the descriptor has
 * nothing to say, the thread sleeps with the loop and uses no CPU.
 *
 * The callback comes from C: neither promise callbacks nor `process.nextTick` run behind it, and it must not throw. So
 * it may only note that there is work and schedule a `setImmediate`, which libuv runs in the same iteration, right after
 * polling.
 *
 * A watch starts out unreferenced: it keeps the process alive only after `ref`.
 */
export class LoopWatch {
  readonly #handle: Arena
  readonly #callback: { pointer: bigint; release(): void }

  /** @param onReady called in every iteration of the loop in which `descriptor` is readable. */
  constructor(descriptor: number, onReady: () => void) {
    const native = loadNative()
    this.#handle = new Arena(Math.max(4096, Number(native.uv_handle_size(uvHandleType.POLL))))
    this.#callback = native.pollCallback(onReady)
    const { address } = this.#handle
    const initialized = native.uv_poll_init(native.loop(), address, descriptor)
    invariant(initialized === 0, `uv_poll_init of descriptor ${descriptor} succeeds, not ${initialized}`)
    this.#markInternal()
    native.uv_poll_start(address, uvPoll.READABLE, this.#callback.pointer)
    native.uv_unref(address)
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
    this.#callback.release()
    this.#handle.release()
  }
}
