import type { Random } from '@qps/core'

/** Numbers in [0, 1) with 32 bits from the operating system's source of secrets: a hash is as secret as what it starts from. */
export const secretRandom: Random = () => crypto.getRandomValues(new Uint32Array(1))[0]! / 2 ** 32
