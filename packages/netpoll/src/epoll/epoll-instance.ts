import { epoll, epollEventLayout } from '../sys/abi.ts'
import { Arena } from '../sys/arena.ts'
import { systemError } from '../sys/errno.ts'
import { loadNative, type Native } from '../sys/native.ts'
import { scratch } from '../sys/scratch.ts'

const { EPOLL_CLOEXEC, EPOLL_CTL_ADD, EPOLL_CTL_DEL } = epoll
const layout = process.arch === 'arm64' ? epollEventLayout.arm64 : epollEventLayout.x64

/**
 * The kernel's list of the descriptors that we watch, and the events that the last look at it has brought. A descriptor
 * is watched under two words that come back with each of its events.
 *
 *     x64    │ events │ slot │ generation │
 *     arm64  │ events │      │    slot    │ generation │
 *
 * Sources: epoll(7), epoll_create1(2), epoll_ctl(2), epoll_wait(2).
 */
export class EpollInstance {
  readonly descriptor: number
  readonly #native: Native
  readonly #events: Arena
  readonly #words: Int32Array
  readonly #eventsMax: number

  /**
   * @param eventsMax the most events that one look takes.
   * @throws the system's error where the process has no descriptor left; QPS_MEMORY.
   */
  constructor(eventsMax: number) {
    const native = (this.#native = loadNative())
    this.#eventsMax = eventsMax
    this.#events = new Arena(eventsMax * layout.words * 4)
    this.#words = this.#events.words
    this.descriptor = native.epoll_create1(EPOLL_CLOEXEC)
    if (this.descriptor >= 0) return
    const error = systemError(-native.errno(), 'epoll_create1')
    this.#events.release()
    throw error
  }

  /** Takes the events that are there, without waiting. @returns how many; they stand until the next look. */
  look(): number {
    return this.#native.epoll_wait(this.descriptor, this.#events.address, this.#eventsMax, 0)
  }

  /** What happened: bits `EPOLL…`. */
  eventsAt(index: number): number {
    return this.#words[index * layout.words]!
  }

  slotAt(index: number): number {
    return this.#words[index * layout.words + layout.dataWord]!
  }

  generationAt(index: number): number {
    return this.#words[index * layout.words + layout.dataWord + 1]!
  }

  /** @returns 0 or a negative errno: ENOSPC where the user watches too much, ENOMEM. */
  watch(descriptor: number, events: number, slot: number, generation: number): number {
    const { words, address } = scratch()
    words[0] = events
    words[layout.dataWord] = slot
    words[layout.dataWord + 1] = generation
    const result = this.#native.epoll_ctl(this.descriptor, EPOLL_CTL_ADD, descriptor, address)
    return result < 0 ? -this.#native.errno() : 0
  }

  ignore(descriptor: number): void {
    this.#native.epoll_ctl(this.descriptor, EPOLL_CTL_DEL, descriptor, scratch().address)
  }

  close(): void {
    this.#native.close(this.descriptor)
    this.#events.release()
  }
}
