import type { Codec } from '@qps/queue'
import { QpsError } from '@qps/core'

/** Whole numbers of 32 bits. */
export const integers: Codec<number> = {
  bytesMax: 4,
  write(target, at, value) {
    new DataView(target.buffer).setInt32(at, value)
    return at + 4
  },
  read: (bytes, start) => new DataView(bytes.buffer).getInt32(start),
}

/** Bytes that no other message has: its number, again and again. */
export function bytesOf(value: number, length: number): Uint8Array {
  return new Uint8Array(length).fill((value % 255) + 1)
}

/** The code of the QpsError that this throws; `none` where it throws nothing. */
export function codeOf(action: () => unknown): string {
  try {
    action()
  } catch (error) {
    if (error instanceof QpsError) return error.code
    throw error
  }
  return 'none'
}

/** The code of the QpsError that this rejects with; `none` where it does not. */
export function rejection(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'none',
    (error: unknown) => {
      if (error instanceof QpsError) return error.code
      throw error
    },
  )
}

/** Until what was rung has been heard: V8 hands the promises of `Atomics.waitAsync` to the event loop. */
export async function heard(): Promise<void> {
  for (let turn = 0; turn < 4; turn++) await new Promise((resolve) => setImmediate(resolve))
}
