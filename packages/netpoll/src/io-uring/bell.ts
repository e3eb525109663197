import { invariant } from '@qps/core'
import { eventfd } from '../sys/abi.ts'
import { Arena } from '../sys/arena.ts'
import { loadNative } from '../sys/native.ts'

/** An eventfd(2): the kernel adds to it for each completion, which makes it readable, which wakes the loop. */
export class Bell {
  readonly descriptor: number
  readonly #count = new Arena(4096)

  constructor() {
    this.descriptor = loadNative().eventfd(0, eventfd.EFD_CLOEXEC | eventfd.EFD_NONBLOCK)
    invariant(this.descriptor >= 0, 'a process that just opened a ring can open an eventfd')
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
