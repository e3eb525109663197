import { eventfd } from '../sys/abi.ts'
import { Arena } from '../sys/arena.ts'
import { systemError } from '../sys/errno.ts'
import { loadNative } from '../sys/native.ts'

/** An eventfd(2): the kernel adds to it for each completion, which makes it readable, which wakes the loop. */
export class Bell {
  readonly descriptor: number
  readonly #count: Arena

  /** @throws the system's error where the process has no descriptor left; QPS_MEMORY. */
  constructor() {
    const native = loadNative()
    this.#count = new Arena(4096)
    this.descriptor = native.eventfd(0, eventfd.EFD_CLOEXEC | eventfd.EFD_NONBLOCK)
    if (this.descriptor >= 0) return
    const error = systemError(-native.errno(), 'eventfd')
    this.#count.release()
    throw error
  }

  /** Makes it unreadable until it is rung again. */
  silence(): void {
    loadNative().read(this.descriptor, this.#count.address, 8n)
  }

  close(): void {
    loadNative().close(this.descriptor)
    this.#count.release()
  }
}
