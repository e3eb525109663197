import type { Random } from '@qps/core'

/**
 * Numbers in [0, 1) with 32 bits from the operating system's source of secrets.
 *
 * `Math.random` would do for anything but a secret: whoever sees enough of its numbers, in identifiers for instance, can
 * calculate the ones before, and with them the seed of a table.
 */
export const secretRandom: Random = () => crypto.getRandomValues(new Uint32Array(1))[0]! / 2 ** 32
