import { QpsError } from '@qps/core'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { checkAnswer } from './answer-check.ts'
import { type Arm, type ArmSpec, fillCommand, howItEnded, startArm } from './arm.ts'
import { treeUsage } from './cpu.ts'
import { lastWordsOf } from './last-words.ts'
import { repositoryRoot } from './paths.ts'
import { preparePeer } from './peers.ts'
import { killGroup } from './process-group.ts'
import { type ProgramMark, programMark } from './program-mark.ts'
import type { ProgramPlan, ProgramReading, Target } from './scenario.ts'

/** One run of a program that measures itself. */
export interface ProgramRecord {
  /** What it completed in the measured time, in its own words. */
  requests: number
  /** What failed, from its start on, in its own words. */
  errors: number
  /** The measured time in its own words, and as the runner saw it. */
  elapsedS: number
  seenS: number
  /** CPU of its process tree over the measured time, µs, from the operating system. */
  cpuUs: number
  residentBytes: number
  /** What else it printed, by name. */
  figures: Readonly<Record<string, number>>
  /** The server that it sent to. */
  target?: string
}

/** Beyond its warm-up and measured time, before it is given up. */
const graceMs = 20_000
/** From the end of its input to its own. */
const endTimeoutMs = 7_000

/** What a run takes of a bar's time. */
export function programSeconds(program: ProgramPlan, seconds: number = program.durationS): number {
  return Math.min(program.warmupS, seconds) + seconds
}

/** One figure of a record; not finite where there is none. */
export function readProgram(reading: ProgramReading, record: ProgramRecord): number {
  switch (reading) {
    case 'cpuUsPerRequest':
      return record.cpuUs / record.requests
    case 'achievedQps':
      return record.requests / record.elapsedS
    case 'residentBytes':
      return record.residentBytes
    default:
      return record.figures[reading.slice('figures.'.length)] ?? NaN
  }
}

/**
 * Runs a program once, with a fresh target where it needs one. Its process tree is looked at when it prints `measuring` and
 * when it prints `measured`; then its standard input is ended, upon which it ends.
 *
 * @returns what was seen, and what was wrong with its end.
 * @throws QpsError QPS_ARM_FAILED where it, or the target, cannot be started, ends early or is late; QPS_WRONG_ANSWER where
 *   the target answers wrongly.
 */
export async function measureProgram(
  spec: ArmSpec,
  program: ProgramPlan,
  { seconds, signal }: { seconds?: number | undefined; signal?: AbortSignal | undefined },
): Promise<{ record: ProgramRecord; fault: string | undefined }> {
  const { target, settings, warmupS } = program
  const durationS = seconds ?? program.durationS
  await using server = target && (await startTarget(target, signal))
  const options = {
    ...(server && target && { target: new URL(target.answer.path, server.url).href }),
    warmup: Math.min(warmupS, durationS),
    seconds: durationS,
    ...settings,
  }
  const words = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)])
  using run = new ProgramRun({ ...spec, command: [...spec.command, ...words] }, signal)
  const timeoutMs = programSeconds(program, seconds) * 1000 + graceMs
  await run.mark('measuring', timeoutMs)
  const startMs = performance.now()
  const before = treeUsage(run.pid)
  const told = await run.mark('measured', timeoutMs)
  const seenS = (performance.now() - startMs) / 1000
  const after = treeUsage(run.pid)
  const fault = await run.end()
  const cpuUs = after.cpuUs - before.cpuUs
  const record = { ...told, seenS, cpuUs, residentBytes: after.residentBytes }
  return { record: server ? { ...record, target: server.spec.name } : record, fault }
}

/** Peers that were built: once per process, not once per run. */
const prepared = new Map<string, ReturnType<typeof preparePeer>>()

async function startTarget({ peer, otherwise, answer }: Target, signal: AbortSignal | undefined): Promise<Arm> {
  if (!prepared.has(peer)) prepared.set(peer, preparePeer(peer))
  const found = await prepared.get(peer)!
  const values = { node: process.execPath, root: repositoryRoot }
  const own: ArmSpec = {
    name: otherwise.name,
    kind: 'ours',
    command: fillCommand(otherwise.command, values),
    folder: repositoryRoot,
  }
  const arm = await startArm('reason' in found ? own : found, signal)
  try {
    await checkAnswer(arm, answer)
    return arm
  } catch (error) {
    await arm.stop()
    throw error
  }
}

/** Programs that run: ended with the bench whatever ends it. */
const running = new Set<ProgramRun>()
process.on('exit', () => {
  for (const run of running) run[Symbol.dispose]()
})

/** A running program, in a process group of its own. */
class ProgramRun implements Disposable {
  readonly pid: number
  readonly #spec: ArmSpec
  readonly #child: ChildProcess
  readonly #lastWords: () => string
  readonly #signal: AbortSignal | undefined
  readonly #marks = {
    measuring: Promise.withResolvers<ProgramMark>(),
    measured: Promise.withResolvers<ProgramMark>(),
  }

  constructor(spec: ArmSpec, signal: AbortSignal | undefined) {
    signal?.throwIfAborted()
    this.#spec = spec
    this.#signal = signal
    const [program = '', ...parameters] = spec.command
    const script = parameters[0]
    if (script?.endsWith('.js') && !existsSync(script)) {
      throw this.#failed(`${script} does not exist`, 'compile it first: npx tsc -b')
    }
    const child = spawn(program, parameters, {
      cwd: spec.folder,
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true,
      env: { ...process.env, NODE_ENV: 'production' },
    })
    this.#child = child
    this.pid = child.pid ?? 0
    this.#lastWords = lastWordsOf(child.stderr)
    running.add(this)
    // One that ends early leaves a broken pipe behind, and its exit tells of it.
    child.stdin.on('error', () => {})
    createInterface({ input: child.stdout }).on('line', (line) => this.#heard(line))
    child.once('error', (error) => this.#fail(`could not be started: ${error.message}`))
    // After `close`, not `exit`: its last lines have then been read.
    child.once('close', () => this.#fail(`ended before it had measured: ${howItEnded(child)}${this.#lastWords()}`))
    for (const { promise } of Object.values(this.#marks)) promise.catch(() => {})
  }

  /** Resolves when it has printed this event. */
  async mark(event: ProgramMark['event'], timeoutMs: number): Promise<ProgramMark> {
    const late = setTimeout(() => this.#fail(`did not print ${event} within ${timeoutMs / 1000} s`), timeoutMs)
    const abort = (): void => this.#fail('was interrupted')
    this.#signal?.addEventListener('abort', abort)
    try {
      return await this.#marks[event].promise
    } finally {
      clearTimeout(late)
      this.#signal?.removeEventListener('abort', abort)
    }
  }

  /** Ends its input and waits for it. @returns what was wrong with its end, or undefined. */
  async end(): Promise<string | undefined> {
    const child = this.#child
    const closed = once(child, 'close')
    child.stdin!.end()
    let forced = false
    const timer = setTimeout(() => {
      forced = true
      killGroup(this.pid)
    }, endTimeoutMs)
    if (child.exitCode === null && child.signalCode === null) await closed
    clearTimeout(timer)
    if (forced) return `did not end within ${endTimeoutMs / 1000} s of the end of its input`
    return child.exitCode === 0 ? undefined : `did not exit cleanly: ${howItEnded(child)}${this.#lastWords()}`
  }

  /** Ends its whole process group at once. */
  [Symbol.dispose](): void {
    running.delete(this)
    if (this.pid > 0) killGroup(this.pid)
  }

  #heard(line: string): void {
    try {
      const mark = programMark(line)
      if (mark !== undefined) this.#marks[mark.event].resolve(mark)
    } catch (error) {
      this.#fail((error as Error).message)
    }
  }

  #fail(why: string): void {
    const error = this.#failed(why)
    for (const { reject } of Object.values(this.#marks)) reject(error)
  }

  #failed(why: string, hint?: string): QpsError {
    const own = this.#spec.command.map((word) => word.replace(`${repositoryRoot}/`, '')).join(' ')
    return new QpsError('QPS_ARM_FAILED', `${this.#spec.name}: ${why}`, { hint: hint ?? `try it by hand: ${own}` })
  }
}
