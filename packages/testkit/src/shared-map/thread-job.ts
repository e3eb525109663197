import type { MapHandle } from '@qps/shared-map'
import type { MapFault } from './faults.ts'

/** What a thread is to do with a map; it answers with a {@link JobEnd}. */
export type ThreadJob = HistoryJob | WriterJob

/** Random operations, recorded. */
export interface HistoryJob {
  task: 'history'
  handle: MapHandle
  thread: number
  threads: number
  operations: number
  keyCount: number
  seed: number
  log: SharedArrayBuffer
  gate: SharedArrayBuffer
  /** Nanoseconds of the machine's clock before the run, or undefined where a counter stamps. */
  clockOriginNs: bigint | undefined
  fault: MapFault | undefined
}

/** Overwrites, removes and brings back the keys from `from` on, `keyCount` of them, until told to stop. */
export interface WriterJob {
  task: 'writer'
  handle: MapHandle
  from: number
  keyCount: number
  /** Values are bytes of one kind, or numbers; of so many bytes at most. */
  valueBytesMax: number
  seed: number
  gate: SharedArrayBuffer
}

/** Codes of the errors that operations threw, and how many. */
export type JobEnd = { errors: Record<string, number> } | { failed: string }

/** Places in a job's gate: the stamps' counter, how many have arrived, whether they may go, whether they are to stop. */
export const gateFields = { counter: 0, arrived: 1, open: 2, stop: 3 } as const
export const gateBytes: number = 4 * Int32Array.BYTES_PER_ELEMENT

/** For who never comes: a thread that was killed before it arrived. */
const gateTimeoutMs = 20_000

/** Waits until `threads` threads are here; the last one lets all of them go. Blocks. */
export function passGate(memory: SharedArrayBuffer, threads: number): void {
  const gate = new Int32Array(memory)
  if (Atomics.add(gate, gateFields.arrived, 1) + 1 === threads) {
    Atomics.store(gate, gateFields.open, 1)
    Atomics.notify(gate, gateFields.open)
  } else Atomics.wait(gate, gateFields.open, 0, gateTimeoutMs)
}
