/** Counters since the beginning; reading them costs nothing. */
export interface DirectStats {
  /** Sends that copy: `send` and `write-fixed`. */
  copyingSends: number
  zeroCopySends: number
  /** Zero-copy sends that are over for the kernel, too. */
  notifications: number
  /** Of these, the ones whose bytes the kernel has copied after all, as far as it says so (Linux 6.2). */
  copiedAfterAll: number
  /** Sends that were to be zero-copy, and copied because the kernel, the socket or the bound did not allow more. */
  fallbacks: number
  /** Times that bytes were moved from a file, or to a socket. */
  splices: number
}

export function newDirectStats(): DirectStats {
  return { copyingSends: 0, zeroCopySends: 0, notifications: 0, copiedAfterAll: 0, fallbacks: 0, splices: 0 }
}
