import type { Task } from '@qps/workers'
import { perceptualHash } from './perceptual-hash.ts'

/** What a picture is made of, where nobody has sent one. */
export interface ThumbnailOrder {
  /** Pixels of a side. */
  size: number
  /** The picture's bytes, repeated or cut to fill it; empty for one that is made up. */
  bytes: Uint8Array
}

/** Rows between two looks at whether anybody still waits. */
const rowsPerLook = 64

/**
 * The hash of a picture: the work of the pool, with nothing in it that waits.
 *
 * @throws QpsError QPS_TASK_CANCELLED or QPS_TASK_TIMEOUT between two pieces of it: who stops waiting frees the thread.
 */
export function thumbnail({ size, bytes }: ThumbnailOrder, task: Pick<Task, 'throwIfCancelled'>): string {
  const pixels = new Uint8Array(size * size)
  for (let y = 0; y < size; y++) {
    if (y % rowsPerLook === 0) task.throwIfCancelled()
    const row = pixels.subarray(y * size, (y + 1) * size)
    if (bytes.length > 0) fillWith(row, y * size, bytes)
    else paint(row, y, size)
  }
  task.throwIfCancelled()
  return perceptualHash(pixels, size)
}

function fillWith(row: Uint8Array, from: number, bytes: Uint8Array): void {
  for (let x = 0; x < row.length; x++) row[x] = bytes[(from + x) % bytes.length]!
}

/** Rings around a point off the middle: smooth, and no symmetry that would make all frequencies equal. */
function paint(row: Uint8Array, y: number, size: number): void {
  for (let x = 0; x < row.length; x++) {
    const distance = Math.hypot(x / size - 0.3, y / size - 0.6)
    row[x] = 128 + 127 * Math.cos(20 * distance)
  }
}
