import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { QpsError, sourceFlags } from '@qps/core'

/** A process of an experiment, which answers each message with one. */
export interface Child extends AsyncDisposable {
  /** Sends `question` and resolves with the answer. @throws QpsError QPS_EXPERIMENT where none comes. */
  ask<A>(question: unknown): Promise<A>
}

/** An answer that takes longer than this is none. */
const answerMsMax = 60_000

/**
 * Starts a module as a process, so that the operating system accounts its CPU time apart. It ends with this process, or when
 * disposed of.
 *
 * @param flags for Node, beside those that make sources run.
 */
export function startChild(module: URL, flags: readonly string[] = []): Child {
  const child = fork(fileURLToPath(module), [], {
    execArgv: [...sourceFlags(module.href), ...flags],
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const kill = (): void => void child.kill('SIGKILL')
  process.once('exit', kill)
  const exited = once(child, 'exit')
  return {
    ask: async <A>(question: unknown): Promise<A> => {
      const signal = AbortSignal.timeout(answerMsMax)
      const answered = once(child, 'message', { signal })
      const ended = exited.then(([code, by]: unknown[]) => {
        throw new QpsError('QPS_EXPERIMENT', `the process ended with ${String(code ?? by)} instead of an answer`)
      })
      child.send(question as object)
      const [answer] = (await Promise.race([answered, ended])) as [A]
      return answer
    },
    [Symbol.asyncDispose]: async () => {
      process.removeListener('exit', kill)
      kill()
      await exited
    },
  }
}

/** The other end, in the process: answers each question. */
export function answerQuestions(answer: (question: unknown) => unknown): void {
  process.on('message', async (question) => {
    process.send?.((await answer(question)) as object)
  })
  process.once('disconnect', () => process.exit(0))
}
