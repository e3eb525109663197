import { Buffer } from 'node:buffer'

/**
 * What memory is filled with that nobody has filled. Loaded in front of a server (`--import`), this module makes
 * `Buffer.allocUnsafe` hand out such memory in the place of whatever was there before, so that an answer with a byte that was
 * never written is another answer, every time.
 */
export const poison = 0xa5

if (process.env['QPS_POISONED_MEMORY'] === '1') {
  for (const name of ['allocUnsafe', 'allocUnsafeSlow'] as const) {
    const plain = Buffer[name]
    Buffer[name] = (size) => plain(size).fill(poison)
  }
}

/** Runs `start`, whose processes get poisoned memory. @param start spawns before it first waits. */
export function withPoisonedMemory<Started>(start: () => Started): Started {
  const { NODE_OPTIONS: before } = process.env
  process.env['NODE_OPTIONS'] = `${before ?? ''} --import ${import.meta.url}`.trim()
  process.env['QPS_POISONED_MEMORY'] = '1'
  try {
    return start()
  } finally {
    delete process.env['QPS_POISONED_MEMORY']
    if (before === undefined) delete process.env['NODE_OPTIONS']
    else process.env['NODE_OPTIONS'] = before
  }
}
