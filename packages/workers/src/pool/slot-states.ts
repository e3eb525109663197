/*
 * A thread works on numbered slots. Each has a cell in shared memory that says who may still change its mind:
 *
 *   free ── main thread ──▶ sent ── worker ──▶ begun ── worker answers ──▶ free
 *                             │                  │
 *                             └─ main thread ──▶ revoked   └─ main thread ──▶ stopping
 *
 * Both ways out of `sent` are a compare-and-set of the same cell. So a task that was taken back never runs, and of a thread
 * that died it is known what it had begun.
 */
export const slotFree = 0
export const slotSent = 1
export const slotBegun = 2
export const slotRevoked = 3
export const slotStopping = 4

/** Tasks that one thread has at a time, begun ones and those that were sent ahead of their turn. */
export const slotsMax = 256

/** Memory for the cells of one thread. */
export function createSlots(): Int32Array<SharedArrayBuffer> {
  return new Int32Array(new SharedArrayBuffer(slotsMax * Int32Array.BYTES_PER_ELEMENT))
}
