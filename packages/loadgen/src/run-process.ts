import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { QpsError, type QpsErrorCode, siblingModule, sourceFlags } from '@qps/core'
import { type LoadOptions, type LoadProgress, planLoad } from './options.ts'
import type { LoadResult } from './result.ts'

/** To the process: what to do, without functions and signals; or to end early. */
export type ProcessCommand = { type: 'run'; options: LoadOptions } | { type: 'abort' }

/** From the process. */
export type ProcessMessage =
  | { type: 'progress'; progress: LoadProgress }
  | { type: 'result'; result: LoadResult }
  | { type: 'failed'; code: string | undefined; message: string; hint: string | undefined; retryable: boolean }

/** An aborted process that does not hand in its result within this time is killed. */
const abortGraceMs = 2000

/**
 * {@link runLoad} in a child process of its own, so that the operating system accounts its CPU time and its memory apart
 * from the caller's: what a stage uses that loads itself. The same options, result and errors; the process ends with the
 * run, with the signal, and with its parent.
 *
 * @param options see {@link LoadOptions}; `transport` is a URL and reaches the process too.
 * @throws QpsError QPS_OPTION for an option out of its range; QPS_UNREACHABLE where nobody listens at the start.
 *
 * @example
 * const result = await runLoadProcess({ url: 'http://127.0.0.1:8080/', durationS: 5 })
 */
export async function runLoadProcess(options: LoadOptions): Promise<LoadResult> {
  planLoad(options)
  const { signal, onProgress, ...plain } = options
  const child = fork(fileURLToPath(siblingModule(import.meta.url, './process-entry')), [], {
    // Not the caller's flags: one that was started with `--eval` would have its child evaluate, and fork, again.
    execArgv: sourceFlags(import.meta.url),
    serialization: 'advanced',
    // Its output is none; what a crash prints goes to standard error, and never between our JSON lines.
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const { promise, resolve, reject } = Promise.withResolvers<LoadResult>()
  child.on('message', (message: ProcessMessage) => {
    if (message.type === 'progress') onProgress?.(message.progress)
    else if (message.type === 'result') resolve(message.result)
    else reject(failureOf(message))
  })
  child.once('error', reject)
  child.once('exit', (code, by) => reject(new Error(`the load process ended with ${code ?? by} before its result`)))
  const tell = (command: ProcessCommand): void => void (child.connected && child.send(command))
  const kill = (): void => void child.kill('SIGKILL')
  let killer: NodeJS.Timeout | undefined
  const abort = (): void => {
    tell({ type: 'abort' })
    killer = setTimeout(kill, abortGraceMs)
  }
  process.once('exit', kill)
  signal?.addEventListener('abort', abort)
  try {
    tell({ type: 'run', options: plain })
    if (signal?.aborted) abort()
    return await promise
  } finally {
    signal?.removeEventListener('abort', abort)
    process.removeListener('exit', kill)
    clearTimeout(killer)
    kill()
  }
}

function failureOf(message: Extract<ProcessMessage, { type: 'failed' }>): Error {
  if (message.code === undefined) return new Error(message.message)
  const { hint, retryable } = message
  return new QpsError(
    message.code as QpsErrorCode,
    message.message,
    hint === undefined ? { retryable } : { retryable, hint },
  )
}
