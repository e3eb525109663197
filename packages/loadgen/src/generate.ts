import { messageOf, systemClock } from '@qps/core'
import { dialectOf } from './protocol.ts'
import { LoadThread, type ThreadReport, type ThreadShare } from './thread.ts'
import type { TransportModule } from './transport.ts'

/** What a helper is started with. */
export interface HelperInput {
  share: ThreadShare
  /** URL of the transport's module. */
  transport: string
}

/** From a helper: ready once, progress now and then, then a report or a failure. */
export type HelperMessage =
  | { type: 'ready' }
  | { type: 'progress'; requests: number; errors: number }
  | { type: 'report'; report: ThreadReport }
  | { type: 'failed'; message: string }

/** To a helper. */
export type HelperCommand = 'begin' | 'abort'

/** How a helper talks with the run that has started it. */
export interface HelperLine {
  tell(message: HelperMessage): void
  onCommand(listener: (command: HelperCommand) => void): void
}

const progressPeriodMs = 250

/** One helper's work, from the first connection to its report; what goes wrong is told, not thrown. */
export async function generate(input: HelperInput, line: HelperLine): Promise<void> {
  try {
    await reported(input, line)
  } catch (error) {
    line.tell({ type: 'failed', message: messageOf(error) })
  }
}

async function reported({ share, transport: url }: HelperInput, line: HelperLine): Promise<void> {
  const { createTransport } = (await import(url)) as TransportModule
  const transport = createTransport({ paced: share.rateQps !== null })
  try {
    const dialect = await dialectOf(share.plan.message)
    line.tell({ type: 'report', report: await reportOf(new LoadThread(share, transport, dialect, systemClock), line) })
  } finally {
    // Before the thread may be terminated: a transport's memory is not the collector's.
    await transport.close?.()
  }
}

async function reportOf(thread: LoadThread, line: HelperLine): Promise<ThreadReport> {
  const begun = Promise.withResolvers<void>()
  line.onCommand((command) => {
    if (command === 'abort') thread.abort()
    begun.resolve()
  })
  await thread.open()
  line.tell({ type: 'ready' })
  await begun.promise
  const ticker = setInterval(() => line.tell({ type: 'progress', ...thread.progress() }), progressPeriodMs)
  const report = await thread.run()
  clearInterval(ticker)
  return report
}
