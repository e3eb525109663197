import { get } from 'node:http'
import { type MemoryFigures, memoryFigures, pauseQuantile, pausesBetween } from './memory-figures.ts'
import type { MemoryReading, Phase } from './scenario.ts'

/** What a server's memory did over one load, as it says itself. */
export interface MemoryRecord {
  /** Allocated in V8's heap from the look before the load to the one behind it. One look is in it. */
  allocatedBytes: number
  /** What a look allocates: seen between two of them, without a load. */
  lookBytes: number
  /** Outside of V8's heap, behind the load. */
  externalBytes: number
  /** Absent where it does not watch its collector. */
  scavenges?: number
  markCompacts?: number
  /** Absent where there was no pause, too. */
  pauseMsP99?: number
}

const readings: readonly MemoryReading[] = [
  'heapBytesPerRequest',
  'externalBytes',
  'scavengesPerMillion',
  'markCompactsPerMillion',
  'gcPauseMsP99',
]

/** Must the server be asked? A look costs it something, so that it is not done for nothing. */
export function asksMemory({ gives }: Pick<Phase, 'gives'>): boolean {
  return Object.values(gives).some((reading) => (readings as readonly string[]).includes(reading))
}

/**
 * One figure of a record. What a look allocates is not the requests' and is taken off.
 *
 * @returns NaN where there is none: of a server that does not tell, or without a pause.
 */
export function readMemory(reading: MemoryReading, record: MemoryRecord | undefined, requests: number): number {
  if (record === undefined) return NaN
  const perMillion = (count = NaN): number => (count / requests) * 1e6
  switch (reading) {
    case 'heapBytesPerRequest':
      return Math.max(0, record.allocatedBytes - record.lookBytes) / requests
    case 'externalBytes':
      return record.externalBytes
    case 'scavengesPerMillion':
      return perMillion(record.scavenges)
    case 'markCompactsPerMillion':
      return perMillion(record.markCompacts)
    case 'gcPauseMsP99':
      return record.pauseMsP99 ?? NaN
  }
}

/**
 * Looks at a server's memory before a load, to look again behind it.
 *
 * @param admin its admin port; undefined where it has none.
 * @returns undefined where it does not tell; else what ends the window.
 * @throws Error where its port fails to answer.
 */
export async function watchMemory(
  admin: string | undefined,
  signal?: AbortSignal,
): Promise<(() => Promise<MemoryRecord | undefined>) | undefined> {
  if (admin === undefined) return undefined
  // The first look compiles what a look needs, and so costs more than one.
  const looks = [await look(admin, signal), await look(admin, signal), await look(admin, signal)]
  const [, idle, start] = looks
  if (idle === undefined || start === undefined) return undefined
  return async () => {
    const end = await look(admin, signal)
    return end && recordOf(idle, start, end)
  }
}

/** @param idle a look before `start`, with nothing between them. */
export function recordOf(idle: MemoryFigures, start: MemoryFigures, end: MemoryFigures): MemoryRecord {
  const record: MemoryRecord = {
    allocatedBytes: end.allocatedBytes - start.allocatedBytes,
    lookBytes: start.allocatedBytes - idle.allocatedBytes,
    externalBytes: end.externalBytes,
  }
  if (start.collections === undefined || end.collections === undefined) return record
  record.scavenges = end.collections.scavenges - start.collections.scavenges
  record.markCompacts = end.collections.markCompacts - start.collections.markCompacts
  const p99S = pauseQuantile(pausesBetween(start.collections.pauses, end.collections.pauses), 0.99)
  if (!Number.isNaN(p99S)) record.pauseMsP99 = p99S * 1000
  return record
}

/** An idle server answers at once; one whose queue has not emptied yet, soon. */
const lookTimeoutMs = 10_000
/** A page of metrics has some hundred lines. */
const pageBytesMax = 4 * 1024 * 1024

/** Asks over a connection of its own, which is closed behind it: none stays open beside the load. */
function look(admin: string, signal: AbortSignal | undefined): Promise<MemoryFigures | undefined> {
  const late = AbortSignal.timeout(lookTimeoutMs)
  const { promise, resolve, reject } = Promise.withResolvers<MemoryFigures | undefined>()
  const options = { agent: false, signal: signal ? AbortSignal.any([signal, late]) : late }
  const request = get(new URL('/metrics', admin), options, (response) => {
    let text = ''
    response.setEncoding('utf8')
    response.on('data', (chunk: string) => {
      text += chunk
      if (text.length > pageBytesMax) request.destroy(new Error('its page of metrics has no end'))
    })
    response.once('error', reject)
    response.once('end', () => {
      if (response.statusCode === 200) resolve(memoryFigures(text))
      else reject(new Error(`its page of metrics is answered with ${response.statusCode}`))
    })
  })
  request.once('error', reject)
  return promise
}
