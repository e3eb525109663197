import { checkInteger, QpsError } from '@qps/core'
import type { IoUringPoller } from '../io-uring/io-uring-poller.ts'
import type { RingExtension } from '../io-uring/ring-extension.ts'
import { KernelConnection } from '../kernel/connection.ts'
import type { Connection } from '../poller.ts'
import { Arena } from '../sys/arena.ts'
import { type Features, probeFeatures } from './features.ts'
import { FileOutput, type FilePart } from './file-output.ts'
import { MemoryOutput, type SendMethod, sendMethods } from './memory-output.ts'
import { MemorySender, senderTags } from './memory-sender.ts'
import { checkDirectOptions, type DirectOutputOptions } from './options.ts'
import { Pipes } from './pipes.ts'
import { RegisteredBuffers } from './registered-buffers.ts'
import { SendMemory } from './send-memory.ts'
import { type DirectStats, newDirectStats } from './stats.ts'

/** Memory is mapped in pages: those of x86-64; larger ones are multiples of it, and mapped as a whole. */
const pageBytes = 4096
/** The tags of a file's operations; those of memory stand before them. */
const spliceTags = { fill: senderTags.zeroCopy + 1, empty: senderTags.zeroCopy + 2 }

/**
 * Sends over a poller's connections from memory and files that the kernel reads itself. See {@link openDirectOutput}.
 *
 * Order is that of the calls, `write` and `commit` included. It is released with its poller.
 */
export class DirectOutput implements RingExtension {
  readonly features: Readonly<Features>
  readonly stats: DirectStats = newDirectStats()
  readonly #poller: IoUringPoller
  readonly #options: Required<DirectOutputOptions>
  readonly #registered: RegisteredBuffers
  readonly #sender: MemorySender
  readonly #pipes: Pipes
  readonly #memories = new Set<SendMemory>()
  #memoryBytes = 0
  #released = false

  /** @param features what may be used: less than there is, for tests. */
  constructor(poller: IoUringPoller, options: DirectOutputOptions = {}, features: Features = probeFeatures()) {
    this.#poller = poller
    this.#options = checkDirectOptions(options)
    this.features = features
    const { registeredMax, zeroCopySendsMax, pipesMax } = this.#options
    this.#registered = new RegisteredBuffers(poller.ring, registeredMax)
    this.#sender = new MemorySender(poller, features, this.stats, zeroCopySendsMax)
    this.#pipes = new Pipes(pipesMax)
    poller.extension = this
  }

  /** Zero-copy sends whose notification has not come. */
  get inFlight(): number {
    return this.#sender.inFlight
  }

  /**
   * Memory to send from, full of zeroes.
   *
   * @param byteLength 1 to `memoryBytesMax`, all memories together.
   * @param options.registered registers it, for the methods that end in `fixed`. Default true.
   * @throws QpsError QPS_MEMORY beyond the bounds, and where the kernel does not lock so much; QPS_USAGE when the poller is
   * closed.
   */
  memory(byteLength: number, { registered = true }: { registered?: boolean } = {}): SendMemory {
    const { memoryBytesMax } = this.#options
    checkInteger('byteLength', byteLength, { min: 1, max: memoryBytesMax })
    if (this.#released) throw new QpsError('QPS_USAGE', 'the poller is closed', { hint: 'make another' })
    const mapped = Math.ceil(byteLength / pageBytes) * pageBytes
    if (this.#memoryBytes + mapped > memoryBytesMax) {
      throw new QpsError('QPS_MEMORY', `${byteLength} bytes more would be above ${memoryBytesMax} to send from`, {
        hint: 'release what is no longer sent from, or raise memoryBytesMax',
      })
    }
    using owned = new DisposableStack()
    const arena = owned.adopt(new Arena(mapped), (it) => it.release())
    const bytes = arena.bytes.subarray(0, byteLength)
    const memory = new SendMemory(arena, bytes, registered ? this.#registered.add(arena) : -1, (it) => this.#free(it))
    owned.move()
    this.#memories.add(memory)
    this.#memoryBytes += mapped
    return memory
  }

  /**
   * Adds `memory.bytes[start..end)` to the connection's output.
   *
   * @param method what does not work here is sent by copying, and counted as a fallback.
   * @param onFree called once, in a turn: the bytes may change again. Behind a zero-copy send, that may be long after `onClose`.
   * @returns as `Connection.write`; where the connection takes no more output, `onFree` is not called.
   * @throws QpsError QPS_USAGE for bytes outside of the memory, memory that is released, or not registered although the
   * method asks for it.
   */
  send(
    connection: Connection,
    memory: SendMemory,
    start: number,
    end: number,
    method: SendMethod,
    onFree?: () => void,
  ): boolean {
    const fits = Number.isInteger(start) && Number.isInteger(end) && start >= 0 && end <= memory.bytes.length
    if (memory.released || !fits || start >= end) {
      throw usage(
        `bytes ${start} to ${end} of ${memory.released ? 'released memory' : memory.bytes.length} cannot be sent`,
      )
    }
    if (!sendMethods.includes(method)) throw usage(`${method as string} is none of ${sendMethods.join(', ')}`)
    if (!memory.registered && method.endsWith('fixed')) throw usage(`${method} needs memory that is registered`)
    const own = this.#own(connection)
    if (own.condemned || own.ended) return false
    return own.append(new MemoryOutput(this.#sender, memory, [start, end], method, onFree), end - start)
  }

  /**
   * Adds a part of a file to the connection's output. Where the file ends before it, the connection closes with QPS_FILE_SHORT.
   *
   * @param part `descriptor` of a regular file, **lent** until `onDone`. What is changed in the file until the peer has it
   * may be sent in either form.
   * @param onDone called once, in a turn: the descriptor may be closed.
   * @returns as `Connection.write`; where the connection takes no more output, `onDone` is not called.
   * @throws QpsError QPS_OPTION for what is no part of a file, QPS_BACKEND_UNAVAILABLE where the kernel has no splice.
   */
  sendFile(connection: Connection, part: FilePart, onDone?: () => void): boolean {
    checkInteger('descriptor', part.descriptor, { min: 0, max: 2 ** 31 - 1 })
    checkInteger('offset', part.offset, { min: 0, max: Number.MAX_SAFE_INTEGER })
    checkInteger('length', part.length, { min: 1, max: Number.MAX_SAFE_INTEGER - part.offset })
    if (!this.features.splice) {
      throw new QpsError('QPS_BACKEND_UNAVAILABLE', 'this kernel has no IORING_OP_SPLICE', {
        hint: 'read the file, and write what was read',
      })
    }
    const own = this.#own(connection)
    if (own.condemned || own.ended) return false
    return own.append(new FileOutput(this.#poller, this.#pipes, spliceTags, part, onDone), part.length)
  }

  // For the poller

  completed(tag: number, slot: number, result: number, flags: number): void {
    if (tag === senderTags.zeroCopy) return this.#sender.zeroCopied(slot, result, flags)
    const connection = this.#poller.connectionAt(slot)
    if (tag === senderTags.copying) return this.#sender.copied(connection, result)
    this.stats.splices++
    const file = connection.nextForeign as FileOutput
    if (tag === spliceTags.fill) file.filled(connection, result)
    else file.emptied(connection, result)
  }

  /** The kernel has pinned what it still sends: unmapping takes nothing from it, and nobody can change it any more. */
  release(): void {
    this.#released = true
    for (const memory of this.#memories) memory.arena.release()
    this.#memories.clear()
    this.#sender.release()
    this.#pipes.release()
  }

  #own(connection: Connection): KernelConnection {
    if (connection instanceof KernelConnection && connection.belongsTo(this.#poller)) return connection
    throw usage('the connection belongs to another poller')
  }

  #free(memory: SendMemory): void {
    // Behind `release`, everything is given back already.
    if (!this.#memories.delete(memory)) return
    if (memory.registered) this.#registered.remove(memory.place)
    this.#memoryBytes -= memory.arena.byteLength
    memory.arena.release()
  }
}

function usage(message: string): QpsError {
  return new QpsError('QPS_USAGE', message, { hint: 'see the README of @qps/netpoll, "Sending without a copy"' })
}
