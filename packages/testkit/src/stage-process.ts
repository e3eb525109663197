import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** One line of a stage's machine output: `listening`, `load`, `drained` or `error`. */
export interface StageEvent {
  event: string
  [field: string]: unknown
}

export interface StageProcess extends AsyncDisposable {
  url: string
  port: number
  /** The admin port's URL. */
  admin: string
  pid: number
  /** Every event so far, the first of them `listening`. */
  events: readonly StageEvent[]
  /** What it wrote to standard error so far. */
  stderr(): string
  /** Sends a signal and waits for the end. @returns the exit code (null where a signal killed it) and all events. */
  stop(signal?: NodeJS.Signals): Promise<{ code: number | null; events: readonly StageEvent[] }>
  /** Sends a signal and does not wait. */
  signal(signal: NodeJS.Signals): void
}

const root = fileURLToPath(new URL('../../../', import.meta.url))
const startLimitMs = 15_000

/**
 * Runs a stage as a process of its own, from its sources, on free ports, and waits until it listens.
 *
 * @param folder the stage's folder, for example `01-minimal-server`.
 * @param args further options, for example `['--variant', 'minimal']`.
 * @throws Error with what the process wrote where it ends, or does not listen within 15 s.
 * @example
 * await using stage = await startStage('01-minimal-server', ['--variant', 'hardened'])
 * await fetch(stage.url)
 */
export async function startStage(folder: string, args: readonly string[] = []): Promise<StageProcess> {
  const child = spawn(
    process.execPath,
    ['--conditions=@qps/source', `stages/${folder}/src/main.ts`, '--json', '--port', '0', '--admin-port', '0', ...args],
    { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] },
  )
  const events: StageEvent[] = []
  let errors = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors = (errors + text).slice(-64 * 1024)))
  const ended = once(child, 'close') as Promise<[number | null]>
  const lines = createInterface({ input: child.stdout })
  lines.on('line', (line) => {
    if (line.startsWith('{')) events.push(JSON.parse(line) as StageEvent)
  })

  const listening = await waitForEvent(child, lines, events, ended, () => errors)
  const url = String(listening['url'])
  return {
    url,
    port: Number(new URL(url).port),
    admin: String(listening['admin']),
    pid: child.pid!,
    events,
    stderr: () => errors,
    signal: (signal) => void child.kill(signal),
    async stop(signal = 'SIGTERM') {
      child.kill(signal)
      const [code] = await ended
      return { code, events }
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGKILL')
      await ended
    },
  }
}

async function waitForEvent(
  child: ChildProcess,
  lines: ReturnType<typeof createInterface>,
  events: readonly StageEvent[],
  ended: Promise<unknown>,
  errors: () => string,
): Promise<StageEvent> {
  const { promise, resolve, reject } = Promise.withResolvers<StageEvent>()
  const fail = (what: string) => (): void => {
    child.kill('SIGKILL')
    reject(
      new Error(
        `the stage ${what}; it wrote:\n${events.map((event) => JSON.stringify(event)).join('\n')}\n${errors()}`,
      ),
    )
  }
  const timer = setTimeout(fail(`did not listen within ${startLimitMs} ms`), startLimitMs)
  void ended.then(fail('ended before it listened'))
  lines.on('line', () => {
    const listening = events.find(({ event }) => event === 'listening')
    if (listening !== undefined) resolve(listening)
  })
  try {
    return await promise
  } finally {
    clearTimeout(timer)
  }
}
