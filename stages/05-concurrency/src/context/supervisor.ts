import { type Clock, messageOf, QpsError, siblingModule, sourceFlags, systemClock } from '@qps/core'
import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { SpanRecord } from '@qps/tracing'
import type { Counts, News, Order, ProcessSetup, RoleName } from './process.ts'

/** From its start until a process serves. */
const startMsMax = 10_000
/** So many processes are replaced in a minute; after that the loss has a cause that another start does not remove. */
const replacementsMax = 10
const replacementWindowMs = 60_000
const replacementDelayMs = 500
/** Questions that one process has to answer at a time. */
export const questionsMax = 256

export interface SupervisorOptions {
  /** Spans that ended in a process. */
  onSpans: (spans: readonly SpanRecord[]) => void
  /** Called when a process is gone that nobody had asked to go. Default: a line on standard error. */
  onLoss?: (why: string) => void
  clock?: Clock
}

/** A process as a page shows it. */
export interface ProcessFacts {
  name: string
  pid: number | undefined
  restarts: number
  counts: Counts
}

/**
 * Starts processes, tells each where the others are, and starts those again that die, at the address that they had: nobody has to be
 * told a second time. None outlives this process: the pipe between them closes, and they end.
 */
export class Supervisor {
  readonly #options: Required<SupervisorOptions>
  readonly #seats = new Map<RoleName, Seat>()
  #ending = false
  #replacedAtMs: number[] = []

  constructor(options: SupervisorOptions) {
    this.#options = { clock: systemClock, onLoss: reportLoss, ...options }
  }

  /**
   * Starts a process and waits until it serves.
   *
   * @returns where, by protocol.
   * @throws QpsError what its start failed with; QPS_PROCESS_FAILED where it ended without a word.
   */
  async start(setup: ProcessSetup): Promise<Readonly<Record<string, string>>> {
    const seat = new Seat(setup)
    this.#seats.set(setup.role, seat)
    await this.#run(seat)
    return seat.addresses
  }

  /** What a page shows: who runs. */
  get facts(): ProcessFacts[] {
    return [...this.#seats.values()].map(({ role, child, restarts, counts }) => {
      return { name: role, pid: child?.pid, restarts, counts }
    })
  }

  /**
   * Asks a process something that its role answers.
   *
   * @throws QpsError QPS_PROCESS_GONE where it is not there or ends meanwhile; QPS_PROCESS_BUSY (retryable).
   */
  ask(role: RoleName, question: unknown): Promise<unknown> {
    const seat = this.#seats.get(role)
    if (seat?.child === undefined) return Promise.reject(goneError(role))
    if (seat.questions.size >= questionsMax) {
      const busy = `${role} has ${questionsMax} questions to answer`
      return Promise.reject(new QpsError('QPS_PROCESS_BUSY', busy, { retryable: true, hint: 'ask again later' }))
    }
    const id = seat.nextQuestion++
    const answer = Promise.withResolvers<unknown>()
    seat.questions.set(id, answer)
    give(seat.child, { order: 'answer', id, question })
    return answer.promise
  }

  /** Ends all processes. @param limitMs soon after this they are killed. */
  async drain(limitMs: number): Promise<void> {
    this.#ending = true
    await Promise.all([...this.#seats.values()].map((seat) => this.#end(seat, limitMs)))
  }

  async #end(seat: Seat, limitMs: number): Promise<void> {
    const { child } = seat
    if (child === undefined) return
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
    give(child, { order: 'drain', limitMs })
    using _limit = this.#options.clock.after(limitMs + killDelayMs, () => child.kill('SIGKILL'))
    await gone
  }

  #run(seat: Seat): Promise<void> {
    const started = Promise.withResolvers<void>()
    const child = fork(fileURLToPath(siblingModule(import.meta.url, './process-entry')), [JSON.stringify(seat.setup)], {
      execArgv: sourceFlags(import.meta.url),
      // A role writes to our standard error, and nothing else of it is anybody's output.
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
    seat.child = child
    const limit = this.#options.clock.after(startMsMax, () => child.kill('SIGKILL'))
    child.on('message', (news: News) => this.#onNews(seat, news, started))
    child.on('error', (error) => started.reject(failedError(seat.role, messageOf(error))))
    child.on('exit', (code, signal) => {
      limit[Symbol.dispose]()
      this.#onExit(seat, signal ?? `exit code ${code}`, started)
    })
    return started.promise.finally(() => limit[Symbol.dispose]())
  }

  #onNews(seat: Seat, news: News, started: PromiseWithResolvers<void>): void {
    if (news.news === 'serving') {
      seat.serves(news.addresses)
      started.resolve()
    } else if (news.news === 'failed') {
      started.reject(new QpsError(news.code, news.message, { hint: news.hint ?? 'see the message' }))
    } else if (news.news === 'state') {
      seat.counts = news.counts
      if (news.spans.length > 0) this.#options.onSpans(news.spans)
    } else {
      seat.questions.get(news.id)?.resolve(news.answer)
      seat.questions.delete(news.id)
    }
  }

  #onExit(seat: Seat, why: string, started: PromiseWithResolvers<void>): void {
    const { role } = seat
    seat.left()
    started.reject(failedError(role, why))
    // A process that has never served is its starter's business.
    if (this.#ending || !seat.hasServed) return
    const { clock, onLoss } = this.#options
    onLoss(`${role} ended: ${why}`)
    const nowMs = clock.nowMs()
    this.#replacedAtMs = this.#replacedAtMs.filter((atMs) => nowMs - atMs < replacementWindowMs)
    if (this.#replacedAtMs.length >= replacementsMax) {
      return onLoss(`${role} is not started again: ${replacementsMax} processes were within a minute`)
    }
    this.#replacedAtMs.push(nowMs)
    clock.after(replacementDelayMs, () => {
      if (this.#ending) return
      seat.restarts++
      this.#run(seat).catch((error: unknown) => onLoss(messageOf(error)))
    })
  }
}

/** What a process that was told to end may take beyond its limit, until it is killed. */
const killDelayMs = 250

/** The place of one process, whoever has it now. */
class Seat {
  readonly role: RoleName
  setup: ProcessSetup
  child: ChildProcess | undefined
  addresses: Readonly<Record<string, string>> = {}
  hasServed = false
  restarts = 0
  counts: Counts = {}
  readonly questions = new Map<number, PromiseWithResolvers<unknown>>()
  nextQuestion = 0

  constructor(setup: ProcessSetup) {
    this.role = setup.role
    this.setup = setup
  }

  /** From now on a successor takes the same ports. */
  serves(addresses: Readonly<Record<string, string>>): void {
    this.addresses = addresses
    this.hasServed = true
    const ports = Object.entries(addresses).map(([name, url]) => [name, Number(new URL(url).port)])
    this.setup = { ...this.setup, ports: Object.fromEntries(ports) as Record<string, number> }
  }

  left(): void {
    this.child = undefined
    for (const { reject } of this.questions.values()) reject(goneError(this.role))
    this.questions.clear()
  }
}

function give(child: ChildProcess, order: Order): void {
  // It may be ending just now: its exit is what is acted on.
  if (child.connected) child.send(order, () => {})
}

function goneError(role: string): QpsError {
  return new QpsError('QPS_PROCESS_GONE', `the process ${role} is not there`, {
    retryable: true,
    hint: 'ask again in a moment: it is started again',
  })
}

function failedError(role: string, why: string): QpsError {
  return new QpsError('QPS_PROCESS_FAILED', `the process ${role} ended before it served: ${why}`, {
    hint: 'see its output',
  })
}

function reportLoss(why: string): void {
  process.stderr.write(`${JSON.stringify({ level: 'error', message: why })}\n`)
}
