import { expect } from 'vitest'

const margin = 8
const before = 3
const untouched = 0xa5

/**
 * Holds a writer to its contract, in buffers that are too small by one, empty, exact, and roomy: it writes `expected` and
 * returns the position behind it, or writes nothing and returns -1; and never a byte before `at`, behind what it wrote, or
 * outside the view in its memory.
 */
export function expectWrites(expected: Uint8Array, write: (target: Uint8Array, at: number) => number): void {
  for (const room of new Set([0, expected.length - 1, expected.length, expected.length + 1, 8 * expected.length])) {
    if (room < 0) continue
    const memory = new Uint8Array(margin + before + room + margin).fill(untouched)
    const target = memory.subarray(margin, margin + before + room)
    const fits = room >= expected.length
    const wanted = memory.slice()
    if (fits) wanted.set(expected, margin + before)
    expect(write(target, before), `room for ${room} of ${expected.length}`).toBe(fits ? before + expected.length : -1)
    expect(Buffer.from(memory).toString('hex')).toBe(Buffer.from(wanted).toString('hex'))
  }
}
