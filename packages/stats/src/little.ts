/**
 * Little's law, L = λW, as a check of a measurement: the mean number of requests in the system over the product of their
 * rate and their mean latency. 1 is perfect. The three must be measured independently, or the check says nothing; a value
 * off by more than a tenth means that at least one of them is wrong.
 *
 * @param measured `meanLatencyMs` W in milliseconds; `achievedQps` λ per second; `concurrency` L, the mean number of
 *   requests outstanding (in a closed loop: connections × pipeline).
 * @returns L / (λW), at least 0; Infinity where nothing was achieved.
 * Source: J. D. C. Little, A Proof for the Queuing Formula L = λW (1961).
 * @example littleRatio({ meanLatencyMs: 2, achievedQps: 32_000, concurrency: 64 }) // 1
 */
export function littleRatio(measured: { meanLatencyMs: number; achievedQps: number; concurrency: number }): number {
  const expected = (measured.achievedQps * measured.meanLatencyMs) / 1000
  return expected > 0 ? measured.concurrency / expected : Infinity
}
