import { constants } from 'node:os'

/**
 * Runs `main` with a signal that the first Ctrl-C or SIGTERM aborts, so that everything started is also ended. A second
 * one ends at once with 130; processes that were started end with this one.
 *
 * @returns what `main` returned, or 128 + the signal's number where it was interrupted.
 */
export async function interruptible(main: (signal: AbortSignal) => Promise<number>): Promise<number> {
  const controller = new AbortController()
  let received: 'SIGINT' | 'SIGTERM' | undefined
  const stop = (signal: NodeJS.Signals): void => {
    if (received !== undefined) process.exit(130)
    received = signal as 'SIGINT' | 'SIGTERM'
    process.stderr.write('\nending what runs; nothing was stored\n')
    controller.abort()
  }
  process.on('SIGINT', stop).on('SIGTERM', stop)
  try {
    return await main(controller.signal)
  } catch (error) {
    if (received === undefined) throw error
    return 128 + constants.signals[received]
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop)
  }
}
