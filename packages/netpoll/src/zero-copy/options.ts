import { checkInteger } from '@qps/core'

export interface DirectOutputOptions {
  /** All memory to send from. Bytes, at most 1 GiB, default 64 MiB. */
  memoryBytesMax?: number
  /** Pieces of memory that are registered with the kernel at once. 1..1024, default 64. */
  registeredMax?: number
  /**
   * Zero-copy sends whose notification has not come. What is beyond is sent by copying: a peer that does not read holds
   * notifications back. 1..65536, default 4096.
   */
  zeroCopySendsMax?: number
  /** Files that are sent at once, each through a pipe and with a thread of the kernel; others wait. 1..256, default 16. */
  pipesMax?: number
}

export const directDefaults: Readonly<Required<DirectOutputOptions>> = Object.freeze({
  memoryBytesMax: 64 * 1024 * 1024,
  registeredMax: 64,
  zeroCopySendsMax: 4096,
  pipesMax: 16,
})

const rangeMax: Readonly<Required<DirectOutputOptions>> = {
  memoryBytesMax: 2 ** 30,
  registeredMax: 1024,
  zeroCopySendsMax: 65_536,
  pipesMax: 256,
}

/** @throws QpsError QPS_OPTION naming the option, its value and its range. */
export function checkDirectOptions(options: DirectOutputOptions): Required<DirectOutputOptions> {
  const checked = { ...directDefaults, ...options }
  for (const name of Object.keys(rangeMax) as (keyof DirectOutputOptions)[]) {
    checkInteger(name, checked[name], { min: 1, max: rangeMax[name] })
  }
  return checked
}
