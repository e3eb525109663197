import type { KeyForm, SharedMap, ValueForm } from '@qps/shared-map'
import type { HistoryLog } from '../linearizability/index.ts'
import { methodIndex } from './map-methods.ts'
import { recordedKey, recordedValues } from './recorded-values.ts'

/** Reads every key, recorded, when nobody else uses the map. @returns how its size and entries contradict what was read. */
export function lookAtAll(
  map: SharedMap,
  { keys, values, keyCount }: { keys: KeyForm; values: ValueForm; keyCount: number },
  log: HistoryLog,
): string[] {
  const { decode } = recordedValues[values]
  const read = new Map<unknown, number>()
  for (let index = 0; index < keyCount; index++) {
    const key = recordedKey(keys, index)
    log.call(methodIndex.get, index, NaN, NaN)
    const id = decode(map.get(key))
    log.returned(id)
    if (!Number.isNaN(id)) read.set(key, id)
  }
  const entries = [...map.entries()]
  const faults: string[] = []
  if (map.size !== read.size) faults.push(`size is ${map.size}, ${read.size} keys have a value`)
  if (entries.length !== read.size) faults.push(`${entries.length} entries, ${read.size} keys have a value`)
  for (const [key, value] of entries) {
    if (read.get(key) !== decode(value)) faults.push(`the entry of ${JSON.stringify(key)} is not what get returns`)
  }
  return faults
}
