import { rethrow } from '../kernel/delivery.ts'
import type { KernelConnection } from '../kernel/connection.ts'
import type { ForeignOutput } from '../kernel/waiting-output.ts'
import type { MemorySender } from './memory-sender.ts'
import type { SendMemory } from './send-memory.ts'

/**
 * How bytes of a {@link SendMemory} are sent; the names are those of the kernel's operations.
 *
 * - `send`: copied by the kernel into the socket's queue.
 * - `write-fixed`: the same, from registered memory.
 * - `send-zc`: the socket's queue refers to our memory. Pages are looked up and pinned for each send.
 * - `send-zc-fixed`: the same, from registered memory, which is pinned already.
 */
export type SendMethod = 'send' | 'write-fixed' | 'send-zc' | 'send-zc-fixed'

export const sendMethods: readonly SendMethod[] = ['send', 'write-fixed', 'send-zc', 'send-zc-fixed']

/** Bytes of a memory in a connection's queue. It is held by the queue, and by each zero-copy send until its notification. */
export class MemoryOutput implements ForeignOutput {
  readonly memory: SendMemory
  method: SendMethod
  /** Unsent bytes of the memory. */
  at: number
  readonly end: number
  #holds = 1
  readonly #sender: MemorySender
  readonly #onFree: (() => void) | undefined

  constructor(
    sender: MemorySender,
    memory: SendMemory,
    [at, end]: [at: number, end: number],
    method: SendMethod,
    onFree: (() => void) | undefined,
  ) {
    this.#sender = sender
    this.memory = memory
    this.at = at
    this.end = end
    this.method = method
    this.#onFree = onFree
    memory.leases++
  }

  get isZeroCopy(): boolean {
    return this.method === 'send-zc' || this.method === 'send-zc-fixed'
  }

  advance(connection: KernelConnection): void {
    this.#sender.send(connection, this)
  }

  drop(): void {
    this.letGo()
  }

  hold(): void {
    this.#holds++
  }

  /** Nobody holds it any more: the bytes are free, and whoever lent them is told. */
  letGo(): void {
    if (--this.#holds > 0) return
    this.memory.letGo()
    try {
      this.#onFree?.()
    } catch (error) {
      process.nextTick(rethrow, error)
    }
  }
}
