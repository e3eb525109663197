import type { Poller, PollerOptions } from '@qps/netpoll'

/** What a group of the suite tests. */
export interface Subject {
  create(options?: PollerOptions): Promise<Poller>
  /** An expression that makes such a poller in a process or thread of its own; it may `await`. */
  creation(): Promise<string>
}

/**
 * Waits until something is so, looking every millisecond.
 *
 * @throws where it is not so in time.
 */
export async function until(condition: () => boolean, what: string, limitMs = 5_000): Promise<void> {
  const endMs = performance.now() + limitMs
  while (!condition()) {
    if (performance.now() > endMs) throw new Error(`${what}: not within ${limitMs} ms`)
    await sleep(1)
  }
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

/** Bytes that repeat only after a long while, different for each seed: a wrong byte anywhere shows. */
export function pattern(length: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(length)
  let state = seed * 2_654_435_761
  for (let index = 0; index < length; index++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0
    bytes[index] = state >>> 24
  }
  return bytes
}

/**
 * Runs something that must raise `count` uncaught exceptions, in the place of whoever listens for them.
 *
 * @returns them.
 */
export async function uncaught(count: number, action: () => Promise<void>): Promise<unknown[]> {
  const others = process.listeners('uncaughtException')
  const errors: unknown[] = []
  const listen = (error: unknown): unknown => errors.push(error)
  process.removeAllListeners('uncaughtException')
  process.on('uncaughtException', listen)
  try {
    await action()
    await until(() => errors.length >= count, `${count} uncaught exceptions`)
    await sleep(10)
  } finally {
    process.removeAllListeners('uncaughtException')
    for (const other of others) process.on('uncaughtException', other)
  }
  return errors
}
