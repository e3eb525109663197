import { endpointsError } from './errors.ts'
import { at, endpointPlaces } from './layout.ts'

/*
 * The table of endpoints: a word each, at the endpoint's number. 0: nobody. 1: somebody of whom no thread is known.
 * 2 + n: thread n. -n: its thread has ended, and endpoint n takes back what it held.
 */
const nameless = 1

/**
 * Takes a place for a new endpoint.
 *
 * @returns its number, 1 to `endpointPlaces`.
 * @throws QpsError QPS_CHANNEL_ENDPOINTS where all are taken.
 */
export function joinEndpoints(words: Int32Array, threadId: number | undefined): number {
  const mark = threadId === undefined ? nameless : threadId + 2
  for (let owner = 1; owner <= endpointPlaces; owner++) {
    if (Atomics.compareExchange(words, at.endpoints + owner, 0, mark) === 0) return owner
  }
  throw endpointsError(endpointPlaces)
}

/** Gives a place back, of an endpoint that holds nothing. */
export function leaveEndpoints(words: Int32Array, owner: number): void {
  Atomics.store(words, at.endpoints + owner, 0)
}

/**
 * Takes over the endpoints of a thread that has ended, and those which it was taking over itself: each of them is given to one
 * caller only.
 */
export function takeOver(words: Int32Array, threadId: number, heir: number): number[] {
  const wanted = new Set([threadId + 2])
  const taken: number[] = []
  // What one found may have been taking over others, before or behind it: until a look finds no more.
  for (let found = -1; found !== taken.length;) {
    found = taken.length
    for (let owner = 1; owner <= endpointPlaces; owner++) {
      const mark = Atomics.load(words, at.endpoints + owner)
      if (owner === heir || !wanted.has(mark)) continue
      if (Atomics.compareExchange(words, at.endpoints + owner, mark, -heir) !== mark) continue
      wanted.add(-owner)
      taken.push(owner)
    }
  }
  return taken
}
