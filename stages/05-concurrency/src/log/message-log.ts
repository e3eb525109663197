import { type Clock, QpsError, systemClock } from '@qps/core'

/** What is appended. */
export interface Message {
  /** Messages of one key keep their order: they are in one partition. */
  key: string
  /** Beside the value, and read without it: the trace and the budget travel here. */
  headers: Readonly<Record<string, string>>
  value: string
}

/** A message at its place. */
export interface LogRecord extends Message {
  topic: string
  partition: number
  /** Its number in the partition, from 0. */
  offset: number
  /** How long it has been in the log: what its budget is less by. */
  waitedMs: number
}

/** A key's messages are all in one partition, so that more partitions are more that can be worked on side by side. */
export const partitionsCount = 4
/** Messages of a partition that nobody has committed. One more is refused. */
export const recordsMax = 1_024

interface Partition {
  /** The offset of `records[0]`. */
  first: number
  records: { message: Message; appendedMs: number }[]
}

/**
 * A partitioned log of messages in memory, one group of readers for each topic. It stands for Kafka, which stage 7 brings: the
 * same words, topics, keys, partitions, offsets, commits, and nothing on disk.
 *
 * - What is appended stays until it is committed: a reader that dies in between leaves it to its successor, so a message is
 *   delivered **at least once**.
 * - A partition that is full refuses, with QPS_LOG_FULL: that is the backpressure.
 */
export class MessageLog {
  readonly #clock: Clock
  readonly #topics = new Map<string, Partition[]>()
  readonly #readers = new Map<string, Set<(record: LogRecord) => void>>()

  constructor(topics: readonly string[], clock: Clock = systemClock) {
    this.#clock = clock
    for (const topic of topics) {
      this.#topics.set(
        topic,
        Array.from({ length: partitionsCount }, () => ({ first: 0, records: [] })),
      )
      this.#readers.set(topic, new Set())
    }
  }

  /** @throws QpsError QPS_LOG_TOPIC for a topic that is not there; QPS_LOG_FULL (retryable). */
  append(topic: string, message: Message): void {
    const index = partitionOf(message.key)
    const partition = this.#partitions(topic)[index]!
    if (partition.records.length >= recordsMax) {
      const where = `partition ${index} of ${topic}`
      throw new QpsError('QPS_LOG_FULL', `${where} has ${recordsMax} messages that nobody has taken`, {
        retryable: true,
        hint: 'ask again later: its reader is slow, or gone',
      })
    }
    const entry = { message, appendedMs: this.#clock.nowMs() }
    partition.records.push(entry)
    const record = this.#record(topic, index, partition.first + partition.records.length - 1, entry)
    for (const reader of this.#readers.get(topic)!) reader(record)
  }

  /** Hands over what is there, and then what comes. @returns what ends that. */
  subscribe(topic: string, reader: (record: LogRecord) => void): Disposable {
    for (const [index, { first, records }] of this.#partitions(topic).entries()) {
      for (const [place, entry] of records.entries()) reader(this.#record(topic, index, first + place, entry))
    }
    const readers = this.#readers.get(topic)!
    readers.add(reader)
    return { [Symbol.dispose]: () => void readers.delete(reader) }
  }

  /** Forgets the messages of a partition below `offset`. What was committed before is no news. */
  commit(topic: string, partition: number, offset: number): void {
    const found = this.#partitions(topic)[partition]
    if (found === undefined) return
    const count = Math.min(found.records.length, Math.max(0, offset - found.first))
    found.records.splice(0, count)
    found.first += count
  }

  /** Messages of a topic that nobody has committed. */
  depth(topic: string): number {
    return this.#partitions(topic).reduce((sum, { records }) => sum + records.length, 0)
  }

  #record(topic: string, partition: number, offset: number, entry: Partition['records'][number]): LogRecord {
    const waitedMs = this.#clock.nowMs() - entry.appendedMs
    return { ...entry.message, topic, partition, offset, waitedMs }
  }

  #partitions(topic: string): Partition[] {
    const partitions = this.#topics.get(topic)
    if (partitions !== undefined) return partitions
    throw new QpsError('QPS_LOG_TOPIC', `there is no topic ${JSON.stringify(topic)}`, {
      hint: `the topics are ${[...this.#topics.keys()].join(', ')}`,
    })
  }
}

/** FNV-1a, as in any program that has to agree on partitions. Keys are our own order numbers: nobody can aim at one partition. */
export function partitionOf(key: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < key.length; index++) hash = Math.imul(hash ^ key.charCodeAt(index), 0x01000193)
  return (hash >>> 0) % partitionsCount
}
