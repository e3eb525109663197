import { checkInteger, checkNumber, type Clock, describe, QpsError, systemClock } from '@qps/core'

/**
 * How values of a type become bytes and values again. Both functions run while nothing of the channel is held, so that one
 * which throws harms its caller only.
 */
export interface Codec<T> {
  /** Bytes of the longest value, 1 to 67,108,864 (65,536 where messages lie in their slots). */
  bytesMax: number
  /**
   * Writes `value` into `target`, from `at` on, and returns the offset behind it. `target` is the same array every time, and
   * nobody else's: a codec may keep a DataView of it.
   */
  write(target: Uint8Array, at: number, value: T): number
  /** Makes a value of the bytes from `start` to `end`. Copies what it keeps: they are overwritten by the next message. */
  read(bytes: Uint8Array, start: number, end: number): T
}

/** How one thread takes part in a channel. */
export interface EndpointOptions<T> {
  /** Default: messages are Uint8Arrays. All endpoints of a channel need the same. */
  codec?: Codec<T> | undefined
  /**
   * The thread that uses this endpoint, `threadId` of node:worker_threads, 0 to 2^31 - 3: `declareDead` finds by it what the
   * thread held when it died. Default none, and then what it held is held for ever.
   */
  threadId?: number | undefined
  /** Looks at the channel before a synchronous call sleeps, 0 to 1,000,000. Default 50. */
  spins?: number | undefined
  /** Promises that wait to send, and as many that wait to receive, 1 to 1,048,576; further ones are rejected. Default 1024. */
  waitersMax?: number | undefined
  /**
   * Keeps the event loop alive while a promise of this endpoint waits, until the result is disposed of. Node ends a process or a
   * thread that waits for nothing but shared memory. Default: nothing; a server, a port or a worker usually does it anyway.
   */
  hold?: (() => Disposable) | undefined
  /** Default the system's. Timers of promises, and the deadlines of synchronous calls. */
  clock?: Clock | undefined
}

/** What a channel is made with. */
export interface ChannelOptions<T> extends EndpointOptions<T> {
  /** Messages that wait, 1 to 1,048,576. */
  capacity: number
  /** Messages of up to `bytes` bytes, 1 to 65,536, each in its slot. Default with a codec: its `bytesMax`. */
  record?: { bytes: number } | undefined
  /**
   * Messages of up to `bytesMax` bytes, 1 to 67,108,864, of which those that are longer than 48 share `slabBytes` bytes,
   * `bytesMax` to 1,073,741,824, rounded up to chunks of an eighth of `bytesMax`: the channel is full where either the slots are
   * or the slab has no run of neighbouring chunks that is long enough. Make it a few times the longest message.
   */
  payload?: { bytesMax: number; slabBytes: number } | undefined
}

/** How long a call waits. */
export interface WaitOptions {
  /** Ends the wait with the signal's reason. */
  signal?: AbortSignal | undefined
  /** Waits for so long at most, in milliseconds, at least 0. Default: without end. */
  timeoutMs?: number | undefined
}

/** What applies where an option is left out, and what no option changes. */
export const channelDefaults = {
  spins: 50,
  waitersMax: 1024,
  /** Endpoints of one channel at a time: one byte of a slot's state says whose it is. */
  endpointsMax: 253,
} as const

/** The sizes of a channel, from which its layout follows. */
export interface ChannelSizes {
  capacity: number
  bytesMax: number
  /** 0 where every message lies in its slot. */
  slabBytes: number
}

/** An endpoint's options, checked and complete. */
export interface EndpointPlan<T> {
  codec: Codec<T> | undefined
  threadId: number | undefined
  spins: number
  waitersMax: number
  hold: (() => Disposable) | undefined
  clock: Clock
}

const recordBytesMax = 65_536
const payloadBytesMax = 67_108_864

/** @throws QpsError QPS_OPTION naming the option, its value and its range. */
export function planChannel<T>({ capacity, record, payload, codec }: ChannelOptions<T>): ChannelSizes {
  checkInteger('capacity', capacity, { min: 1, max: 1_048_576 })
  if (payload !== undefined) {
    if (record !== undefined) throw new QpsError('QPS_OPTION', 'a channel has a record or a payload, not both')
    const bytesMax = checkInteger('payload.bytesMax', payload.bytesMax, { min: 1, max: payloadBytesMax })
    const slabBytes = checkInteger('payload.slabBytes', payload.slabBytes, { min: bytesMax, max: 2 ** 30 })
    return { capacity, bytesMax, slabBytes }
  }
  const bytesMax = checkInteger('record.bytes', record?.bytes ?? codec?.bytesMax, { min: 1, max: recordBytesMax })
  return { capacity, bytesMax, slabBytes: 0 }
}

/** @throws QpsError QPS_OPTION naming the option, its value and its range. */
export function planEndpoint<T>(options: EndpointOptions<T>, bytesMax: number): EndpointPlan<T> {
  const { codec, threadId, hold } = options
  checkFunction('hold', hold)
  if (codec !== undefined) {
    checkInteger('codec.bytesMax', codec.bytesMax, { min: 1, max: bytesMax })
    checkFunction('codec.write', codec.write, true)
    checkFunction('codec.read', codec.read, true)
  }
  if (threadId !== undefined) checkInteger('threadId', threadId, { min: 0, max: 2 ** 31 - 3 })
  const spins = checkInteger('spins', options.spins ?? channelDefaults.spins, { min: 0, max: 1_000_000 })
  const waitersMax = checkInteger('waitersMax', options.waitersMax ?? channelDefaults.waitersMax, {
    min: 1,
    max: 1_048_576,
  })
  return { codec, threadId, spins, waitersMax, hold, clock: options.clock ?? systemClock }
}

/** The timeout of a call; Infinity where it has none. @throws QpsError QPS_OPTION */
export function planTimeout(timeoutMs: number | undefined): number {
  if (timeoutMs === undefined || timeoutMs === Infinity) return Infinity
  return checkNumber('timeoutMs', timeoutMs, { min: 0, max: 2 ** 31 - 1 })
}

function checkFunction(name: string, value: unknown, needed = false): void {
  if (typeof value === 'function' || (value === undefined && !needed)) return
  throw new QpsError('QPS_OPTION', `${name} must be a function, not ${describe(value)}`)
}
