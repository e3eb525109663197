import { type CollectionKind, observeCollections } from './collections.ts'
import { allocatedHeapBytes } from './heap-bytes.ts'

/** What the memory of one thread did in a while, as plain data: a worker sends it to where the port is. */
export interface RuntimeTally {
  /** 0 where V8 does not count. */
  allocatedBytes: number
  pauses: [kind: CollectionKind, seconds: number][]
}

/** A worker's side of {@link RuntimeTally}. */
export interface RuntimeTaker extends Disposable {
  /** Everything since the previous call, or since it began to watch. */
  take(): RuntimeTally
}

/** Pauses between two calls of `take`; a quarter of a second has some dozens. What comes on top is not told. */
const pausesMax = 4096

/**
 * Watches the heap and the collector of a thread that has no port to show them on.
 *
 * @example
 * using memory = runtimeTally()
 * parentPort.postMessage(memory.take()) // and where the port is: runtimeMetrics(registry).add(tally)
 */
export function runtimeTally(): RuntimeTaker {
  let pauses: RuntimeTally['pauses'] = []
  let bytesBefore = allocatedHeapBytes() ?? 0
  const observer = observeCollections((kind, seconds) => {
    if (pauses.length < pausesMax) pauses.push([kind, seconds])
  })
  return {
    take() {
      observer.flush()
      const bytes = allocatedHeapBytes() ?? 0
      const tally = { allocatedBytes: bytes - bytesBefore, pauses }
      bytesBefore = bytes
      pauses = []
      return tally
    },
    [Symbol.dispose]: () => observer[Symbol.dispose](),
  }
}
