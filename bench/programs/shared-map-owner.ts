import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { LocalMap, serveMap } from '@qps/shared-map'
import { filled, type KeyForm, keysOf } from './shared-map-stores.ts'

export interface OwnerTask {
  /** A way to each thread that asks. */
  ports: MessagePort[]
  keys: KeyForm
  entries: number
}

/* The thread of shared-map.ts that has the map and is asked. */
const { ports, keys, entries } = workerData as OwnerTask
const map = filled(new LocalMap<string | number, number>({ capacity: entries }), keysOf(keys, entries))
for (const port of ports) serveMap(map, port)
parentPort!.postMessage('ready')
