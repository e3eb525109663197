import { messageOf, QpsError } from '@qps/core'
import { runLoad } from './run.ts'
import type { ProcessCommand, ProcessMessage } from './run-process.ts'

/*
 * The process of runLoadProcess: one command in, progress and one result out. It dies with its parent, whose end closes
 * the channel. Interrupts from the terminal reach the whole group; they are the parent's to decide on.
 */
const aborter = new AbortController()
const tell = (message: ProcessMessage): void => void process.send?.(message)

// Not `exit`, which would cut the threads off one by one while they work: there is nobody left to tell anything to.
process.once('disconnect', () => process.kill(process.pid, 'SIGKILL'))
process.on('SIGINT', () => {})
process.on('message', (command: ProcessCommand) => {
  if (command.type === 'abort') return aborter.abort()
  runLoad({
    ...command.options,
    signal: aborter.signal,
    onProgress: (progress) => tell({ type: 'progress', progress }),
  })
    .then((result) => tell({ type: 'result', result }))
    .catch((error: unknown) => tell(failure(error)))
})

function failure(error: unknown): ProcessMessage {
  if (!(error instanceof QpsError)) {
    return { type: 'failed', code: undefined, message: messageOf(error), hint: undefined, retryable: false }
  }
  const { code, message, hint, retryable } = error
  return { type: 'failed', code, message, hint, retryable }
}
