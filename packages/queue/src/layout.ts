import { describe, QpsError } from '@qps/core'
import { channelDefaults, type ChannelSizes } from './options.ts'

/*
 * One piece of shared memory, all of it 32-bit words but the messages:
 *
 *   line  0      what it is, and its sizes: written once
 *   line  1      tail: the next position to send to          each on a cache line of its own (64 bytes), because
 *   line  2      head: the next position to receive from     different threads write them all the time
 *   line  3      closed, and who sleeps: read by every call, written rarely
 *   line  4, 5   epochs of the two bells, which sleepers wait on
 *   line  6      messages lost with threads that died
 *   line  7      hand: where the slab is searched next
 *   lines 8-23   endpoints: which thread has which
 *   then         slots: state, length, run, and the message where it is short
 *   then         labels of the slab's chunks, then the chunks
 */

/** Words of the header. */
export const at = {
  magic: 0,
  capacity: 1,
  slotsLog2: 2,
  strideWords: 3,
  bytesMax: 4,
  inlineBytes: 5,
  chunkBytes: 6,
  chunks: 7,
  tail: 16,
  head: 32,
  closed: 48,
  receiversAsleep: 49,
  sendersAsleep: 50,
  receiversEpoch: 64,
  sendersEpoch: 80,
  lost: 96,
  hand: 112,
  endpoints: 128,
} as const

/** Words of a slot, from its first one on. */
export const inSlot = {
  state: 0,
  /** Bytes of the message, or `voidLength`. */
  length: 1,
  /** 1 + the first chunk of the message in the slab; 0 where it lies in the slot. */
  run: 2,
  message: 4,
} as const

/** The length of a message that was never completed: receivers skip it. */
export const voidLength = -1

const headerWords = at.endpoints + 256
const slotHeaderBytes = inSlot.message * 4
const lineBytes = 64
/** What of a short message fits beside a slot's own words into one cache line. */
const inlineBytesOfPayload = lineBytes - slotHeaderBytes
/** A message of the greatest length takes so many chunks. More waste less and cost more steps. */
const chunksOfLongest = 8
/** "qch" and the version of the layout. */
const magic = 0x71636801

/** Where everything lies. */
export interface Layout {
  capacity: number
  /** Slots are a power of two, at least as many as the capacity. */
  slotsLog2: number
  strideWords: number
  bytesMax: number
  /** Messages up to this length lie in their slots. */
  inlineBytes: number
  chunkBytes: number
  chunks: number
  /** First word of the slots and of the labels, first byte of the chunks. */
  slotsWord: number
  labelsWord: number
  chunksByte: number
  bytes: number
}

/** What `share` gives: any thread may be sent it, and as often as one likes. */
export interface ChannelHandle {
  readonly kind: 'qps-channel'
  readonly memory: SharedArrayBuffer
}

/** @throws QpsError QPS_OPTION where the memory would be more than 2^31 - 1 bytes. */
export function layOut({ capacity, bytesMax, slabBytes }: ChannelSizes): Layout {
  const inlineBytes = slabBytes === 0 ? bytesMax : Math.min(bytesMax, inlineBytesOfPayload)
  const strideBytes = roundUp(slotHeaderBytes + inlineBytes, lineBytes)
  const needsSlab = bytesMax > inlineBytes
  const chunkBytes = needsSlab ? roundUp(Math.ceil(bytesMax / chunksOfLongest), lineBytes) : 0
  return place({
    capacity,
    slotsLog2: Math.ceil(Math.log2(capacity)),
    strideWords: strideBytes / 4,
    bytesMax,
    inlineBytes,
    chunkBytes,
    chunks: needsSlab ? Math.ceil(Math.max(slabBytes, bytesMax) / chunkBytes) : 0,
  })
}

type Written = Omit<Layout, 'slotsWord' | 'labelsWord' | 'chunksByte' | 'bytes'>

function place(sizes: Written): Layout {
  const labelsWord = headerWords + 2 ** sizes.slotsLog2 * sizes.strideWords
  const chunksByte = roundUp(4 * (labelsWord + sizes.chunks), lineBytes)
  const bytes = chunksByte + sizes.chunks * sizes.chunkBytes
  if (bytes > 2 ** 31 - 1) {
    throw new QpsError('QPS_OPTION', `a channel may take 2147483647 bytes, and this one would take ${bytes}`, {
      hint: 'lower the capacity, or use a payload with a smaller slab',
    })
  }
  return { ...sizes, slotsWord: headerWords, labelsWord, chunksByte, bytes }
}

/** Writes the sizes where `readLayout` finds them. */
export function writeLayout(words: Int32Array, layout: Layout): void {
  words[at.capacity] = layout.capacity
  words[at.slotsLog2] = layout.slotsLog2
  words[at.strideWords] = layout.strideWords
  words[at.bytesMax] = layout.bytesMax
  words[at.inlineBytes] = layout.inlineBytes
  words[at.chunkBytes] = layout.chunkBytes
  words[at.chunks] = layout.chunks
  Atomics.store(words, at.magic, magic)
}

/** @throws QpsError QPS_OPTION where this is no handle of a channel. */
export function readLayout(handle: ChannelHandle): { words: Int32Array; layout: Layout } {
  const memory: unknown = handle?.memory
  if (!(memory instanceof SharedArrayBuffer) || memory.byteLength < 4 * headerWords) {
    throw new QpsError('QPS_OPTION', `a handle must be what channel.share() gave, not ${describe(handle)}`)
  }
  const words = new Int32Array(memory, 0, Math.floor(memory.byteLength / 4))
  if (Atomics.load(words, at.magic) !== magic) {
    throw new QpsError('QPS_OPTION', 'a handle must be what channel.share() of the same version gave')
  }
  const layout = place({
    capacity: words[at.capacity]!,
    slotsLog2: words[at.slotsLog2]!,
    strideWords: words[at.strideWords]!,
    bytesMax: words[at.bytesMax]!,
    inlineBytes: words[at.inlineBytes]!,
    chunkBytes: words[at.chunkBytes]!,
    chunks: words[at.chunks]!,
  })
  return { words, layout }
}

/** Places in the table of endpoints; 0 stays free, so that no owner is 0. */
export const endpointPlaces: number = channelDefaults.endpointsMax

function roundUp(value: number, step: number): number {
  return Math.ceil(value / step) * step
}
