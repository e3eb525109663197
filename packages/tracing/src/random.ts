import type { Random } from '@qps/core'

/** Drawn at once: asking the operating system for each number would cost more than the number. */
const words = new Uint32Array(1024)
let next = words.length

/**
 * Uniform numbers in [0, 1) with 32 bits, from a source of secrets: whoever sees ids can tell nothing of others. One pool per
 * thread.
 */
export const traceRandom: Random = () => {
  if (next === words.length) {
    crypto.getRandomValues(words)
    next = 0
  }
  return words[next++]! / 2 ** 32
}
