import { messageOf, QpsError } from '@qps/core'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { announced, type Announcement, urlFor } from './announcement.ts'
import { lastWordsOf } from './last-words.ts'
import { repositoryRoot } from './paths.ts'
import { killGroup } from './process-group.ts'
import type { Access } from './scenario.ts'

/** A program that can be measured, and how it is asked. */
export interface ArmSpec extends Access {
  name: string
  kind: 'ours' | 'peer' | 'reference'
  /** Program and arguments, nothing left to fill in. */
  command: readonly string[]
  folder: string
}

const startTimeoutMs = 10_000
/** A stage drains for at most 5 s. */
const stopTimeoutMs = 7_000
/** Arms that run: ended with the bench whatever ends it, so that no server is left behind. */
const running = new Set<Arm>()
process.on('exit', () => {
  for (const arm of running) arm.kill()
})

/** A running server under measurement, in a process group of its own. */
export class Arm implements AsyncDisposable {
  readonly spec: ArmSpec
  readonly pid: number
  /** Where it is asked, with a trailing slash. */
  readonly url: string
  /** Where it shows its metrics; undefined where it has none. */
  readonly admin: string | undefined
  readonly #child: ChildProcess
  readonly #lastWords: () => string
  #ending: Promise<string | undefined> | undefined

  constructor(spec: ArmSpec, child: ChildProcess, url: string, admin: string | undefined, lastWords: () => string) {
    this.#lastWords = lastWords
    this.spec = spec
    this.pid = child.pid!
    this.url = url
    this.admin = admin
    this.#child = child
    running.add(this)
  }

  /**
   * Ends it by SIGTERM, after 7 s by SIGKILL. Calling it again waits for the same end.
   *
   * @returns what was wrong with its end, or undefined. A peer may die of the signal; a server of ours exits with 0.
   */
  stop(): Promise<string | undefined> {
    this.#ending ??= this.#end()
    return this.#ending
  }

  async #end(): Promise<string | undefined> {
    const child = this.#child
    if (hasEnded(child)) {
      running.delete(this)
      return `ended before it was asked to: ${howItEnded(child)}`
    }
    const exited = once(child, 'exit')
    child.kill('SIGTERM')
    let forced = false
    const timer = setTimeout(() => {
      forced = true
      this.kill()
    }, stopTimeoutMs)
    await exited
    clearTimeout(timer)
    running.delete(this)
    if (forced) return `did not end within ${stopTimeoutMs / 1000} s of SIGTERM`
    const clean = this.spec.kind === 'ours' ? child.exitCode === 0 : child.signalCode !== 'SIGKILL'
    return clean ? undefined : `did not exit cleanly: ${howItEnded(child)}`
  }

  /** The most telling line of its standard error, as the end of a message; empty where it said nothing. */
  lastWords(): string {
    return this.#lastWords()
  }

  /** Ends the whole process group at once. */
  kill(): void {
    killGroup(this.pid)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }
}

/** Replaces `{name}` by its value in every word of a command. */
export function fillCommand(command: readonly string[], values: Readonly<Record<string, string>>): string[] {
  return command.map((word) => word.replace(/\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole))
}

/**
 * Starts an arm as a fresh process and waits until it says that it listens, for at most 10 s.
 *
 * @throws QpsError QPS_ARM_FAILED where it cannot be started, ends, or stays silent; the message ends with its own words.
 */
export async function startArm(spec: ArmSpec, signal?: AbortSignal): Promise<Arm> {
  signal?.throwIfAborted()
  const [program, ...parameters] = spec.command
  const script = parameters[0]
  if (program === undefined) throw failed(spec, 'it has no command')
  if (script?.endsWith('.js') && !existsSync(script)) {
    throw failed(spec, `${script} does not exist`, 'compile it first: npx tsc -b')
  }
  const child = spawn(program, parameters, {
    cwd: spec.folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    env: { ...process.env, NODE_ENV: 'production' },
  })
  const lastWords = lastWordsOf(child.stderr)
  try {
    const where = await announcement(spec, child, signal)
    return new Arm(spec, child, urlFor(where, spec), where.admin, lastWords)
  } catch (error) {
    killGroup(child.pid)
    signal?.throwIfAborted()
    throw failed(spec, `${messageOf(error)}${lastWords()}`)
  }
}

/** Resolves with what it announces on standard output, which stays read afterwards so that the arm never blocks on its pipe. */
async function announcement(spec: ArmSpec, child: ChildProcess, signal?: AbortSignal): Promise<Announcement> {
  const { promise, resolve, reject } = Promise.withResolvers<Announcement>()
  const fail = (why: string): void => reject(new Error(why))
  const interrupted = (): void => fail(`${spec.name} was interrupted`)
  const late = `did not say that it listens within ${startTimeoutMs / 1000} s`
  const timer = setTimeout(fail, startTimeoutMs, late)
  signal?.addEventListener('abort', interrupted)
  createInterface({ input: child.stdout! }).on('line', (line) => {
    const announcement = announced(line)
    if (announcement !== undefined) resolve(announcement)
  })
  child.once('error', (error) => fail(`could not be started: ${messageOf(error)}`))
  // After `close`, not `exit`: its last words have then been read.
  child.once('close', () => fail(`ended before it listened: ${howItEnded(child)}`))
  try {
    return await promise
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', interrupted)
  }
}

function failed(spec: ArmSpec, why: string, hint?: string): QpsError {
  const own = spec.command.map((word) => word.replace(`${repositoryRoot}/`, '')).join(' ')
  return new QpsError('QPS_ARM_FAILED', `${spec.name}: ${why}`, { hint: hint ?? `try it by hand: ${own}` })
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null
}

export function howItEnded(child: ChildProcess): string {
  return child.signalCode === null ? `exit code ${child.exitCode}` : `signal ${child.signalCode}`
}
