/**
 * The system's monotonic clock in milliseconds, the same for all threads of a process: that of `performance` begins anew on each.
 */
export function monotonicMs(): number {
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1000 + nanoseconds / 1e6
}
