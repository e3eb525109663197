/** How much of a new time the mean takes over: about the last sixteen count. */
const share = 1 / 16
/** A time counts for no more than so many times the mean, and a little: nanoseconds are measured as zero. */
const surpriseMax = 8
const leastMs = 0.01

/**
 * The mean of run times after another one. What is far out of line counts only in part: a thread that the system stopped for a while
 * looks like a task that took long, and is no reason to expect the next one to. A task that does take long from now on is known as
 * such after a few of them.
 *
 * @param meanMs NaN before the first.
 */
export function usualMs(meanMs: number, runMs: number): number {
  if (Number.isNaN(meanMs)) return runMs
  return meanMs + (Math.min(runMs, surpriseMax * meanMs + leastMs) - meanMs) * share
}
