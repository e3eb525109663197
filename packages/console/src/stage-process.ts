import { messageOf, QpsError } from '@qps/core'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

/** A stage that runs as a process of its own. Disposing of it ends it. */
export interface StageProcess extends AsyncDisposable {
  url: string
  /** The admin port's URL. */
  admin: string
  variant: string
  /** Rejects when the process ends by itself. */
  lost: Promise<never>
}

/** From the start of the process to its `listening`. */
const startMsMax = 20_000
/** From the order to drain to the end. */
const drainMsMax = 7_000

/**
 * Starts a stage from its sources on free ports of loopback, and waits until it listens.
 *
 * @param main the file that calls `runStage`.
 * @param flags of Node, before the file.
 * @throws QpsError with the stage's own code and words, or QPS_STAGE_FAILED where it ends without any.
 */
export async function startStageProcess(
  main: string,
  options: readonly string[],
  flags: readonly string[] = [],
): Promise<StageProcess> {
  const child = spawn(
    process.execPath,
    ['--conditions=@qps/source', ...flags, main, '--json', '--port', '0', '--admin-port', '0', ...options],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  const kill = (): void => void child.kill('SIGKILL')
  process.once('exit', kill)
  const closed = once(child, 'close')
  void closed.then(() => process.off('exit', kill))
  const lost = closed.then((): never => {
    throw failed(`it ended with ${child.exitCode ?? child.signalCode}`)
  })
  // Whoever waits for something else will not look at it.
  lost.catch(() => {})
  const { url, admin, variant } = await Promise.race([listening(child), lost]).catch((error: unknown) => {
    kill()
    throw error
  })
  return {
    url,
    admin,
    variant,
    lost,
    async [Symbol.asyncDispose]() {
      const limit = setTimeout(kill, drainMsMax)
      child.kill('SIGTERM')
      await closed
      clearTimeout(limit)
    },
  }
}

interface Listening {
  url: string
  admin: string
  variant: string
}

/** The line that says where it listens; what it says instead is thrown. */
async function listening(child: ChildProcess): Promise<Listening> {
  const { promise, resolve, reject } = Promise.withResolvers<Listening>()
  const timer = setTimeout(() => reject(failed(`it did not listen within ${startMsMax / 1000} s`)), startMsMax)
  child.once('error', (error) => reject(failed(messageOf(error))))
  createInterface({ input: child.stdout! }).on('line', (line) => {
    const event = parsed(line)
    if (event['event'] === 'listening') resolve(event as unknown as Listening)
    else if (event['event'] === 'error') reject(errorOf(event))
  })
  try {
    return await promise
  } finally {
    clearTimeout(timer)
  }
}

function parsed(line: string): Record<string, unknown> {
  try {
    return JSON.parse(line) as Record<string, unknown>
  } catch {
    return {}
  }
}

function errorOf(event: Record<string, unknown>): QpsError {
  return new QpsError(event['code'] as `QPS_${string}`, String(event['message']), { hint: String(event['hint']) })
}

function failed(why: string): QpsError {
  return new QpsError('QPS_STAGE_FAILED', `the stage did not run: ${why}`, { hint: 'start it by itself to see why' })
}
