import type { ChannelHandle } from '@qps/queue'
import type { MessagePort } from 'node:worker_threads'

/** How a message gets from thread to thread. */
export const queueWays = ['channel', 'channel-batches', 'channel-promises', 'post-message'] as const
export type QueueWay = (typeof queueWays)[number]

/** What a thread of the experiment does. */
export interface QueueJob {
  role: 'send' | 'receive'
  way: QueueWay
  bytes: number
  /** Messages on their way at most. */
  capacity: number
  /** Where the way is a channel. */
  handle?: ChannelHandle
  /** Otherwise one to each thread of the other role. */
  ports: readonly MessagePort[]
  /** Its first word is 1 as soon as senders are to end. Each receiver counts in a cache line of its own behind it. */
  board: SharedArrayBuffer
  /** The word that this thread counts in. */
  countAt: number
}

/** What it did. */
export interface QueueReport {
  count: number
  /** Of the numbers in the messages, modulo 2^32. */
  sum: number
}
