import { parentPort } from 'node:worker_threads'

/** Tasks of 05-worker-pool and 05-rejection, for threads of any pool. */

/** As little work as there can be. */
export function double(number: number): number {
  return number * 2
}

/** A hash of so many rounds, as of the pixels of an image: the same work wherever and whenever it is done. */
export function hash(rounds: number): number {
  let state = 0x811c9dc5
  for (let round = 0; round < rounds; round++) state = Math.imul(state ^ (round & 0xff), 0x01000193)
  return state >>> 0
}

/** For a thread that is asked by hand: number and argument in, number and result out. */
if (process.argv.includes('--serve')) {
  parentPort!.on('message', ([id, number]: [number, number]) => parentPort!.postMessage([id, double(number)]))
}
