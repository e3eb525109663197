import { QpsError } from '@qps/core'
import type { IoUringPoller } from '../io-uring/io-uring-poller.ts'
import { rethrow } from '../kernel/delivery.ts'
import type { KernelConnection } from '../kernel/connection.ts'
import type { ForeignOutput } from '../kernel/waiting-output.ts'
import { ringOperation, spliceFlag, submissionWord } from '../sys/abi.ts'
import { failure, systemError } from '../sys/errno.ts'
import { type Later, type Pipe, pipeBytes, type Pipes } from './pipes.ts'

/** A part of a file: `[offset, offset + length)`. */
export interface FilePart {
  descriptor: number
  offset: number
  length: number
}

/** The tags of a file's two operations. */
export interface SpliceTags {
  fill: number
  empty: number
}

/**
 * A part of a file in a connection's queue. Its pages go from the page cache into a pipe and from there into the socket's
 * queue: the kernel moves references, and no byte passes through this process.
 *
 *     file ──fill──► pipe ──empty──► socket
 *                     ▲  └ one at a time: what is in the pipe leaves before it is filled again
 *
 * splice(2) may wait, so io_uring has both done by a thread of its own. Source: io_uring_prep_splice(3).
 */
export class FileOutput implements ForeignOutput {
  readonly #poller: IoUringPoller
  readonly #pipes: Pipes
  readonly #tags: SpliceTags
  readonly #descriptor: number
  readonly #onDone: (() => void) | undefined
  #offset: number
  /** Bytes that the file still has to give, and those that are in the pipe. */
  #toFill: number
  #inPipe = 0
  #pipe: Pipe | undefined
  #later: Later | undefined

  constructor(
    poller: IoUringPoller,
    pipes: Pipes,
    tags: SpliceTags,
    { descriptor, offset, length }: FilePart,
    onDone: (() => void) | undefined,
  ) {
    this.#poller = poller
    this.#pipes = pipes
    this.#tags = tags
    this.#descriptor = descriptor
    this.#offset = offset
    this.#toFill = length
    this.#onDone = onDone
  }

  advance(connection: KernelConnection): void {
    if (this.#later !== undefined) return
    try {
      this.#pipe ??= this.#takePipe(connection)
    } catch (error) {
      return this.#poller.condemn(connection, error as Error)
    }
    if (this.#pipe === undefined) return
    if (!this.#poller.ring.makeRoom()) return this.#tryAgain(connection)
    if (this.#inPipe > 0) this.#empty(connection, this.#pipe)
    else this.#fill(connection, this.#pipe)
  }

  /** The pipe has been filled, as far as that went. */
  filled(connection: KernelConnection, result: number): void {
    if (result > 0) {
      this.#offset += result
      this.#toFill -= result
      this.#inPipe = result
      return this.#poller.foreignSent(connection, 0)
    }
    this.#poller.condemn(connection, result === 0 ? this.#tooShort() : systemError(result, 'splice'))
    this.#poller.foreignSent(connection, failure.ECANCELED)
  }

  /** The socket has taken from the pipe. @returns whether that was the last. */
  emptied(connection: KernelConnection, result: number): void {
    // Nothing taken from a pipe that is not empty: it would be so again.
    if (result <= 0) return this.#poller.foreignSent(connection, result === 0 ? failure.EPIPE : result)
    this.#inPipe -= result
    const isOver = this.#inPipe === 0 && this.#toFill === 0
    if (isOver) connection.shiftForeign()
    this.#poller.foreignSent(connection, result)
    if (isOver) this.drop()
  }

  drop(): void {
    if (this.#later !== undefined) this.#pipes.forget(this.#later)
    if (this.#pipe !== undefined) this.#pipes.give(this.#pipe, this.#inPipe === 0)
    this.#pipe = undefined
    try {
      this.#onDone?.()
    } catch (error) {
      process.nextTick(rethrow, error)
    }
  }

  #takePipe(connection: KernelConnection): Pipe | undefined {
    const later: Later = (found) => {
      this.#later = undefined
      if (found instanceof Error) return this.#poller.condemn(connection, found)
      this.#pipe = found
      if (!connection.condemned && !connection.dirty) this.#poller.outbox.add(connection)
    }
    const pipe = this.#pipes.take(later)
    if (pipe === undefined) this.#later = later
    return pipe
  }

  #fill(connection: KernelConnection, { to }: Pipe): void {
    const length = Math.min(pipeBytes, this.#toFill)
    const high = Math.floor(this.#offset / 2 ** 32)
    const low = (this.#offset - high * 2 ** 32) | 0
    this.#splice(connection, [to, this.#descriptor], [low, high], length, 0, this.#tags.fill)
  }

  #empty(connection: KernelConnection, { from }: Pipe): void {
    const flags = this.#toFill > 0 ? spliceFlag.MORE : 0
    this.#splice(connection, [connection.descriptor, from], [-1, -1], this.#inPipe, flags, this.#tags.empty)
  }

  /** @param from offset in what is read, as two words; -1 where it has none. What is written has none. */
  #splice(
    connection: KernelConnection,
    [to, source]: [to: number, source: number],
    from: [low: number, high: number],
    length: number,
    flags: number,
    tag: number,
  ): void {
    const { ring } = this.#poller
    ring.submit(ringOperation.SPLICE, to, from[0], from[1], length, flags, tag, connection.slot, 0, -1)
    ring.amend(submissionWord.offsetHigh, -1)
    ring.amend(submissionWord.spliceFrom, source)
    this.#poller.foreignSending(connection, length, false)
  }

  /** The kernel takes no submissions right now: again in a later turn. */
  #tryAgain(connection: KernelConnection): void {
    setImmediate(() => {
      if (!connection.condemned && !connection.dirty) this.#poller.outbox.add(connection)
    })
  }

  #tooShort(): QpsError {
    return new QpsError('QPS_FILE_SHORT', `the file ended ${this.#toFill} bytes before what was to be sent of it`, {
      hint: 'it was truncated meanwhile: replace files by renaming others over them',
    })
  }
}
