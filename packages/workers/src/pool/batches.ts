import type { Channel, Codec } from '@qps/queue'
import type { MessagePort, Transferable } from 'node:worker_threads'
import { viewOf, writePosted, writeValue } from './values.ts'

/*
 * What travels between the pool and a thread: batches of records, each way through a channel of its own. Numbers are little-endian.
 *
 *   task     slot (2) | function (2) | flags (1) | deadline (8), if flagged | argument | trace, two values, if flagged
 *   stop     slot (2) | 0xffff
 *   answer   slot (2) | outcome (1) | run time in ms (8) | result, or what was thrown
 */
export const stopFunction = 0xffff
export const hasDeadline = 1
export const hasTrace = 2
export const outcomes = { done: 0, failed: 1, skipped: 2 } as const

/** Encoded, each of the two values of a trace; a longer one is posted. */
const traceBytesMax = 640
/** A record without its argument. */
const headBytesMax = 2 * traceBytesMax + 32
const recordsPerBatch = 4
/** Batches that are under way in one direction: as many as there can be slots in use. */
const batchesMax = 256
/** Bytes that are copied one by one. */
const loopBytesMax = 64
/** Of the longest batches so many fit; the channel is full where either bound is reached. */
const slabBatches = 16

/** Records in a row, as they are in the channel. */
export interface Batch {
  readonly bytes: Buffer
  readonly start: number
  readonly length: number
}

export function batchBytesMax(inlineBytesMax: number): number {
  return recordsPerBatch * (headBytesMax + inlineBytesMax)
}

/** How the two channels of a thread are made. */
export function channelSizes(inlineBytesMax: number): {
  capacity: number
  payload: { bytesMax: number; slabBytes: number }
} {
  const bytesMax = batchBytesMax(inlineBytesMax)
  return { capacity: batchesMax, payload: { bytesMax, slabBytes: slabBatches * bytesMax } }
}

/** Reads a batch where the channel shows it: it is good until the next one is received. */
export function batchCodec(inlineBytesMax: number): Codec<Batch> {
  let seen: Uint8Array | undefined
  let view: Buffer = Buffer.alloc(0)
  return {
    bytesMax: batchBytesMax(inlineBytesMax),
    write(target, at, { bytes, start, length }) {
      // A view of a few bytes costs more than copying them.
      if (length <= loopBytesMax) for (let byte = 0; byte < length; byte++) target[at + byte] = bytes[start + byte]!
      else target.set(bytes.subarray(start, start + length), at)
      return at + length
    },
    read(bytes, start, end) {
      if (bytes !== seen) {
        seen = bytes
        view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
      }
      return { bytes: view, start, length: end - start }
    },
  }
}

/**
 * Writes records and sends them as one batch. Values that cannot stand in a batch are posted at once, on a port beside: the
 * receiver finds them there in the order of the records that speak of them.
 */
export class BatchWriter implements Batch {
  readonly bytes: Buffer
  readonly start = 0
  length = 0
  readonly #view: DataView
  readonly #channel: Channel<Batch>
  readonly #port: MessagePort
  readonly #inlineBytesMax: number

  constructor(channel: Channel<Batch>, port: MessagePort, inlineBytesMax: number) {
    this.bytes = Buffer.alloc(batchBytesMax(inlineBytesMax))
    this.#view = viewOf(this.bytes)
    this.#channel = channel
    this.#port = port
    this.#inlineBytesMax = inlineBytesMax
  }

  /** Another record fits, whatever it has in it. */
  get hasRoom(): boolean {
    return this.length + headBytesMax + this.#inlineBytesMax <= this.bytes.length
  }

  byte(value: number): void {
    this.bytes[this.length++] = value
  }

  short(value: number): void {
    this.bytes[this.length++] = value & 0xff
    this.bytes[this.length++] = value >> 8
  }

  double(value: number): void {
    this.#view.setFloat64(this.length, value, true)
    this.length += 8
  }

  /**
   * @param transfer moves instead of being copied; such a value is always posted.
   * @throws DataCloneError where it can be neither written nor posted. The batch then ends within a record: set `length` back.
   */
  value(value: unknown, transfer?: readonly Transferable[]): void {
    if (transfer === undefined || transfer.length === 0) this.#write(value, this.#inlineBytesMax)
    else this.#post(value, transfer)
  }

  /** Where in a trace a task is. */
  trace(parent: string, state: string): void {
    this.#write(parent, traceBytesMax)
    this.#write(state, traceBytesMax)
  }

  #write(value: unknown, bytesMax: number): void {
    const end = writeValue(this.bytes, this.length, this.length + bytesMax, value)
    if (end >= 0) this.length = end
    else this.#post(value, [])
  }

  #post(value: unknown, transfer: readonly Transferable[]): void {
    this.#port.postMessage(value, [...transfer])
    this.length = writePosted(this.bytes, this.length)
  }

  /** @returns whether everything is on its way; false where the channel has no room now. */
  trySend(): boolean {
    if (this.length > 0) {
      if (!this.#channel.trySend(this)) return false
      this.length = 0
    }
    return true
  }

  /** Blocks this thread until there is room. */
  sendSync(): void {
    if (this.length === 0) return
    this.#channel.sendSync(this)
    this.length = 0
  }
}
