import type { HistoryLegend } from '../linearizability/index.ts'

/** The methods that are recorded, by their index in a log; `increment` is an `update` that adds. */
export const mapMethods: HistoryLegend['methods'] = [
  { name: 'get', inputs: 0 },
  { name: 'has', inputs: 0, flag: true },
  { name: 'set', inputs: 1 },
  { name: 'delete', inputs: 0, flag: true },
  { name: 'compareAndSet', inputs: 2, flag: true },
  { name: 'increment', inputs: 1 },
]

/** The index of a method. */
export const methodIndex = { get: 0, has: 1, set: 2, delete: 3, compareAndSet: 4, increment: 5 } as const
