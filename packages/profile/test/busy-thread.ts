import { lendThread } from '@qps/profile'
import { parentPort, workerData } from 'node:worker_threads'

/** A thread that does one thing over and over, by a function whose name and line a test looks for. */
lendThread()

/** What the functions make ends here, so that nobody finds out that it is not needed. */
export const sink: { value: unknown } = { value: undefined }

const rows = Array.from({ length: 2_000 }, (_, index) => ({ index, text: `row number ${index}` }))

function burnsTheProcessor(): void {
  let sum = 0
  for (let index = 0; index < 3_000_000; index++) sum = (sum * 31 + index) % 1_000_003
  sink.value = sum
}

function buildsShortLivedObjects(): void {
  for (let index = 0; index < 20_000; index++) sink.value = { index, other: index / 2, next: { index } }
}

function writesItOut(): void {
  sink.value = JSON.stringify(rows)
}

/** The report is tested with it. */
export function cutOff(names: string[]): string[] {
  return [...names, 'a long line', 'of which a table shows the beginning', 'and ends with', JSON.stringify(names)]
}

function goesDeep(left: number): number {
  if (left === 0) {
    burnsTheProcessor()
    return 0
  }
  return goesDeep(left - 1) + 1
}

const work: Record<string, () => void> = {
  burn: burnsTheProcessor,
  allocate: buildsShortLivedObjects,
  write: writesItOut,
  deep: () => void goesDeep(200),
}

/**
 * Functions that are called where many others are called are not inlined, and V8's heap profile knows frames only.
 */
const others = [() => 1, () => 2, () => 3, () => 4, () => 5]

const again = (): void => {
  for (const one of [...others, work[workerData as string]!]) one()
  setImmediate(again)
}
again()
parentPort!.postMessage('begun')
