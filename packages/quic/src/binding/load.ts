import { createRequire } from 'node:module'
import { QpsError } from '@qps/core'
import type { Quiche } from './quiche.ts'

const version = '2.0.9'
const require = createRequire(import.meta.url)
let loaded: Quiche | undefined

/**
 * The native module for this platform: the binary alone, without the library around it. Loaded once, at the first use.
 *
 * @throws QpsError QPS_PART_MISSING where it is not installed, or there is none for this platform.
 */
export function loadQuiche(platform: string = `${process.platform}-${process.arch}`): Quiche {
  if (loaded !== undefined && platform === `${process.platform}-${process.arch}`) return loaded
  const name = `@matrixai/quic-${platform}`
  try {
    return (loaded = require(name) as Quiche)
  } catch (cause) {
    throw new QpsError('QPS_PART_MISSING', `QUIC needs quiche, and its binary for ${platform} is not installed`, {
      cause,
      hint: `npm install --no-save ${name}@${version}, where there is one for your platform; every other variant works without`,
    })
  }
}

/** Whether {@link loadQuiche} works here, and why not. For `test.skipIf`. */
export function quicAvailability(): { available: boolean; reason: string } {
  try {
    loadQuiche()
    return { available: true, reason: '' }
  } catch (error) {
    if (!(error instanceof QpsError)) throw error
    return { available: false, reason: `${error.message}: ${error.hint}` }
  }
}
