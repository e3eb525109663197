/** Ctrl-C on a terminal reaches a process twice when npm stands between: from the terminal and from npm. */
const samePressMs = 50

/**
 * Calls `first` at the first SIGINT or SIGTERM and `second` at any later one that is a press of its own. SIGHUP, a
 * terminal that went away, counts as the first.
 */
export function onStopSignals(first: () => void, second: () => void): void {
  let firstMs: number | undefined
  const receive = (): void => {
    const nowMs = performance.now()
    if (firstMs === undefined) {
      firstMs = nowMs
      first()
    } else if (nowMs - firstMs > samePressMs) second()
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, receive)
}
