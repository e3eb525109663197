import { type QpsError, type Random, seededRandom } from '@qps/core'
import type { MapKey, MapValue, SharedMap } from '@qps/shared-map'
import { clockStamps, counterStamps, HistoryLog } from '../linearizability/index.ts'
import { faultyMap, type MapMethods } from './faults.ts'
import { methodIndex } from './map-methods.ts'
import { idStep, recordedKey, type RecordedValues, recordedValues } from './recorded-values.ts'
import { type HistoryJob, passGate } from './thread-job.ts'

/** In a log a value that is not there. */
const none = NaN

/** Does the random operations of one thread and records each. */
export class Operator {
  readonly #job: HistoryJob
  readonly #map: MapMethods
  readonly #values: RecordedValues
  readonly #keys: readonly MapKey[]
  readonly #log: HistoryLog
  readonly #random: Random
  /** What this thread saw last of each key: a compare that expects it has a chance. */
  readonly #seen: Float64Array

  constructor(map: SharedMap, job: HistoryJob) {
    const { handle, keyCount, fault, log, gate, clockOriginNs, seed } = job
    this.#job = job
    this.#map = fault === undefined ? map : faultyMap(map, fault)
    this.#values = recordedValues[handle.values]
    this.#keys = Array.from({ length: keyCount }, (_, index) => recordedKey(handle.keys, index))
    const stamp = clockOriginNs === undefined ? counterStamps(new Int32Array(gate, 0, 1)) : clockStamps(clockOriginNs)
    this.#log = new HistoryLog(log, stamp)
    this.#random = seededRandom(seed)
    this.#seen = new Float64Array(keyCount).fill(none)
  }

  /** @returns the codes of what was thrown, and how often. */
  run(): Record<string, number> {
    const { thread, threads, operations, keyCount, gate } = this.#job
    const errors: Record<string, number> = {}
    passGate(gate, threads)
    for (let done = 0; done < operations; done++) {
      try {
        this.#operate(Math.floor(this.#random() * keyCount), idStep * (done * threads + thread))
      } catch (error) {
        const code = (error as QpsError).code ?? String(error)
        errors[code] = (errors[code] ?? 0) + 1
      }
    }
    return errors
  }

  /** @param id of the value that is written, if one is: nobody else writes it. */
  #operate(index: number, id: number): void {
    const share = this.#random()
    if (share < 0.35) this.#get(index)
    else if (share < 0.4) this.#has(index)
    else if (share < 0.6) this.#set(index, id)
    else if (share < 0.7) this.#delete(index)
    // One in eight is to remove the value.
    else if (share < 0.85) this.#compareAndSet(index, id % (8 * idStep) === 0 ? none : id)
    else this.#increment(index)
  }

  #get(index: number): void {
    this.#log.call(methodIndex.get, index, none, none)
    const value = this.#map.get(this.#keys[index]!)
    this.#saw(index, value, this.#log.now())
  }

  #has(index: number): void {
    this.#log.call(methodIndex.has, index, none, none)
    this.#log.returned(this.#map.has(this.#keys[index]!) ? 1 : 0)
  }

  #set(index: number, id: number): void {
    const value = this.#values.encode(id)
    this.#log.call(methodIndex.set, index, id, none)
    this.#map.set(this.#keys[index]!, value)
    this.#log.returned(none)
  }

  #delete(index: number): void {
    this.#log.call(methodIndex.delete, index, none, none)
    this.#log.returned(this.#map.delete(this.#keys[index]!) ? 1 : 0)
  }

  #compareAndSet(index: number, next: number): void {
    const expected = this.#seen[index]!
    const [before, after] = [this.#present(expected), this.#present(next)]
    this.#log.call(methodIndex.compareAndSet, index, expected, next)
    this.#log.returned(this.#map.compareAndSet(this.#keys[index]!, before, after) ? 1 : 0)
  }

  #increment(index: number): void {
    this.#log.call(methodIndex.increment, index, 1, none)
    const value = this.#map.update(this.#keys[index]!, this.#incremented)
    this.#saw(index, value, this.#log.now())
  }

  readonly #incremented = (value: MapValue | undefined): MapValue => {
    const id = this.#values.decode(value)
    return this.#values.encode(Number.isNaN(id) ? 1 : id + 1)
  }

  /** The value is looked at behind the stamp: looking takes longer than most operations. */
  #saw(index: number, value: MapValue | undefined, returnedAt: number): void {
    const id = this.#values.decode(value)
    this.#seen[index] = id
    this.#log.returned(id, returnedAt)
  }

  #present(id: number): MapValue | undefined {
    return Number.isNaN(id) ? undefined : this.#values.encode(id)
  }
}
