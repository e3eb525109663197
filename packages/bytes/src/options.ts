import type { Random } from '@qps/core'

export interface InternOptions {
  /** Strings kept at a time: 1..1,048,576, default 1024. */
  entriesMax?: number
  /** Bytes of all strings kept: 1..268,435,456, default 65,536. */
  bytesMax?: number
  /** Longer keys are decoded and never kept: 1..4096 bytes, default 64. What comes again is short: names, methods, paths. */
  keyBytesMax?: number
  /**
   * What becomes of a new string when there is no room.
   *
   * - `clock` (default): one that was not asked for lately gives way. Strings in use survive a flood of ones that come once.
   * - `decode`: it is decoded and not kept. For a fixed vocabulary; whoever comes first fills the table for good.
   */
  whenFull?: 'clock' | 'decode'
  /** The hash's key, two 32-bit words. Default: drawn from `random`, a new one per table. */
  seed?: readonly [number, number]
  /** Draws the seed where none is given. Default: the operating system's secrets. */
  random?: Random
}

/** Defaults of {@link InternTable}. */
export const internDefaults = { entriesMax: 1024, bytesMax: 65_536, keyBytesMax: 64, whenFull: 'clock' } as const

export interface PartsOptions {
  /** Slices at a time: 1..1024, default 64. The kernel takes 1024 in one call (IOV_MAX of limits.h). */
  partsMax?: number
  /** Bytes of all slices: 1..2^31-1, default 1,048,576. A vectored write returns its length as 32 bits on some systems. */
  partsBytesMax?: number
}

/** Defaults of {@link Parts}. */
export const partsDefaults = { partsMax: 64, partsBytesMax: 1_048_576 } as const

export interface WatchOptions {
  /** Views watched at a time: 1..1,000,000, default 10,000; further ones are counted only. */
  viewsMax?: number
  /** Memory of which the watched views use less than this share is reported: a ratio in 0..1, default 0.5. */
  shareMin?: number
  /** Views that a report shows of one piece of memory: 1..1000, default 10; all are counted. */
  viewsShownMax?: number
}

/** Defaults of {@link RetentionWatch}. */
export const watchDefaults = { viewsMax: 10_000, shareMin: 0.5, viewsShownMax: 10 } as const
