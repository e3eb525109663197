import { QpsError } from '@qps/core'
import type { PollerOptions } from './poller.ts'

export type CheckedOptions = Required<Omit<PollerOptions, 'backend' | 'trace' | 'hotWait'>>

/** The defaults that the pollers, the documentation and the tests use. */
export const pollerDefaults: Readonly<CheckedOptions> = Object.freeze({
  highWaterBytes: 64 * 1024,
  lowWaterBytes: 16 * 1024,
  receiveBytes: 8 * 1024,
  receiveBuffers: 1024,
  outputBytesMax: 256 * 1024 * 1024,
})

/** All receive buffers of a poller together. */
export const receiveBytesMax: number = 2 ** 30

const ranges: Record<keyof CheckedOptions, { min: number; max: number; powerOfTwo?: true }> = {
  highWaterBytes: { min: 1, max: 2 ** 30 },
  lowWaterBytes: { min: 0, max: 2 ** 30 },
  receiveBytes: { min: 64, max: 2 ** 20, powerOfTwo: true },
  // IORING_MAX_ENTRIES: the largest ring of provided buffers.
  receiveBuffers: { min: 1, max: 32_768, powerOfTwo: true },
  outputBytesMax: { min: 16 * 1024, max: 2 ** 30 },
}

/** @throws QpsError QPS_USAGE naming the option, its value and its range. */
export function checkOptions(options: PollerOptions): CheckedOptions {
  const checked = { ...pollerDefaults }
  for (const name of Object.keys(ranges) as (keyof CheckedOptions)[]) {
    const value = options[name]
    if (value === undefined) continue
    const { min, max, powerOfTwo } = ranges[name]
    const fits = Number.isInteger(value) && value >= min && value <= max
    if (!fits || (powerOfTwo && (value & (value - 1)) !== 0)) {
      throw new QpsError(
        'QPS_USAGE',
        `${name} must be a ${powerOfTwo ? 'power of two' : 'whole number'} from ${min} to ${max}, not ${String(value)}`,
        { hint: `leave it out for ${pollerDefaults[name]}` },
      )
    }
    checked[name] = value
  }
  const receiveBytesAll = checked.receiveBytes * checked.receiveBuffers
  if (receiveBytesAll > receiveBytesMax) {
    throw new QpsError(
      'QPS_USAGE',
      `receiveBytes times receiveBuffers must be at most ${receiveBytesMax}, not ${receiveBytesAll}`,
      { hint: 'fewer buffers: they are shared by all connections, and held only while a callback runs' },
    )
  }
  if (checked.lowWaterBytes >= checked.highWaterBytes) {
    throw new QpsError(
      'QPS_USAGE',
      `lowWaterBytes (${checked.lowWaterBytes}) must be below highWaterBytes (${checked.highWaterBytes})`,
      { hint: 'a quarter of it is a good start' },
    )
  }
  return checked
}
