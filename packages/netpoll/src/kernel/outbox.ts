import type { KernelConnection } from './connection.ts'
import type { KernelPoller } from './kernel-poller.ts'

/**
 * Who has something to send: the connections that wrote in this turn, and those that wait for an output block.
 *
 *     write ──► wrote ──► flush: one send each, as far as blocks go ──► the kernel
 *                 ▲                             │ none left
 *                 └── a block comes back ── starving, first come, first served
 */
export class Outbox {
  readonly #poller: KernelPoller
  /**
   * Connections that wrote since the last flush; drained ones write again from within it, and stand behind. The first `#count`
   * places: a list that is emptied and filled again in every turn would be memory for the collector.
   */
  readonly #wrote: (KernelConnection | undefined)[] = []
  #count = 0
  readonly #starving: KernelConnection[] = []

  constructor(poller: KernelPoller) {
    this.#poller = poller
  }

  /** How many have written since the last flush. */
  get size(): number {
    return this.#count
  }

  /** The connection has written: it is flushed at the end of the turn. Ask first whether it is `dirty` already. */
  add(connection: KernelConnection): void {
    connection.dirty = true
    this.#wrote[this.#count++] = connection
    this.#poller.turns.ensure()
  }

  /** No output block is left: the connection goes on when one comes back. */
  starve(connection: KernelConnection): void {
    if (connection.starved) return
    connection.starved = true
    this.#poller.stats.outputStarved++
    this.#starving.push(connection)
  }

  /** Gives each free block to whoever has waited longest, before anybody else can take it. */
  feed(): void {
    while (this.#starving.length > 0 && this.#poller.blocks.free > 0) {
      const connection = this.#starving.shift()!
      connection.starved = false
      if (connection.condemned) continue
      connection.nextSend()
      if (!connection.dirty) this.add(connection)
    }
  }

  /** Sends what was written in this turn. @returns how many connections had written. */
  flush(): number {
    const wrote = this.#wrote
    const poller = this.#poller
    this.feed()
    if (this.#count === 0) return 0
    if (poller.trace !== undefined) poller.tell('flush', this.#count)
    for (let index = 0; index < this.#count; index++) {
      const connection = wrote[index]!
      wrote[index] = undefined
      connection.dirty = false
      poller.send(connection)
      if (index + 1 === this.#count) this.feed()
    }
    const count = this.#count
    this.#count = 0
    return count
  }
}
