import { SingleBar } from 'cli-progress'

/** A progress bar on one line of a terminal. */
export interface ProgressBar extends Disposable {
  /** @param value 0 to `total`; larger values are shown as `total`. @param note a few words behind the bar. */
  update(value: number, note?: string): void
  /** Removes the bar and leaves the line free. Calling it again is a no-op. */
  stop(): void
}

/** A bar from 0 to `total`; silent where `stream` is no terminal, so that logs and pipes stay clean. */
export function progressBar(label: string, total: number, stream: NodeJS.WriteStream = process.stderr): ProgressBar {
  if (!stream.isTTY) return { update() {}, stop() {}, [Symbol.dispose]() {} }
  const bar = new SingleBar({
    stream,
    format: `${label} {bar} {percentage}% {note}`,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    barsize: 28,
    hideCursor: true,
    clearOnComplete: true,
    linewrap: false,
    gracefulExit: false,
  })
  bar.start(total, 0, { note: '' })
  let running = true
  const stop = (): void => {
    if (running) bar.stop()
    running = false
  }
  return {
    update(value, note = '') {
      if (running) bar.update(Math.min(value, total), { note })
    },
    stop,
    [Symbol.dispose]: stop,
  }
}
