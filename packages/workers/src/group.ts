import { checkInteger, messageOf, QpsError } from '@qps/core'
import type { DrainReport, RunningServer } from '@qps/http-contract'
import type { MemberContext, News } from './member.ts'
import { type Events, type Handle, spawnProcess, spawnThread } from './spawn.ts'

export interface GroupOptions {
  /** A module that exports `start` as {@link Member} says. */
  module: URL
  /** How many members. 1..64 */
  count: number
  /**
   * `threads` listen each with SO_REUSEPORT, and the kernel chooses by a hash of the addresses; `processes` are dealt
   * connections in turn by this one.
   */
  kind: 'threads' | 'processes'
  host: string
  port: number
  /** Given to every member. Plain data. */
  data?: unknown
  /** In the place of `data`, where each member needs its own: asked when one is started, and again for the one that replaces it. */
  dataOf?: (index: number) => unknown
  /** Figures of a member, a few times a second and once at its end. */
  onTally?: (tally: unknown) => void
  /** Called when a member is gone that nobody had asked to go; it is replaced. Default: a line on standard error. */
  onLoss?: (why: string) => void
  /** Called before `onLoss`, with the place of the member that has ended: what it held in shared memory is nobody's now. */
  onGone?: (index: number) => void
}

/** So many members are replaced in a minute; after that the loss has a cause that another start does not remove. */
const replacementsMax = 10
const replacementWindowMs = 60_000
const replacementDelayMs = 200

/**
 * Runs a server several times over, as one.
 *
 * @returns when every member accepts connections.
 * @throws QpsError what the first member that failed has thrown; the others are ended.
 */
export async function startGroup(options: GroupOptions): Promise<RunningServer> {
  checkInteger('count', options.count, { min: 1, max: 64 })
  const group = new Group(options)
  await group.start()
  return group
}

/** One place in the group: the member that has it now. */
interface Seat {
  handle: Handle | undefined
  connections: number
  drained: PromiseWithResolvers<DrainReport> | undefined
}

class Group implements RunningServer {
  url = ''
  notes: Readonly<Record<string, string>> = {}
  readonly #options: GroupOptions
  readonly #seats: Seat[]
  #ending = false
  #replacedAtMs: number[] = []

  constructor(options: GroupOptions) {
    this.#options = options
    this.#seats = Array.from({ length: options.count }, () => ({
      handle: undefined,
      connections: 0,
      drained: undefined,
    }))
  }

  async start(): Promise<void> {
    try {
      // The first one finds the port out; the others share it.
      await this.#seat(0, this.#options.port)
      const port = this.#sharedPort()
      await Promise.all(this.#seats.slice(1).map((_seat, index) => this.#seat(index + 1, port)))
    } catch (error) {
      this.#ending = true
      for (const { handle } of this.#seats) handle?.kill()
      throw error
    }
  }

  connections(): number {
    return this.#seats.reduce((sum, seat) => sum + seat.connections, 0)
  }

  async drain(limitMs = 5_000): Promise<DrainReport> {
    this.#ending = true
    const reports = await Promise.all(this.#seats.map((seat) => drained(seat, limitMs)))
    return {
      completed: reports.reduce((sum, { completed }) => sum + completed, 0),
      dropped: reports.reduce((sum, { dropped }) => sum + dropped, 0),
      ms: Math.max(...reports.map(({ ms }) => ms)),
    }
  }

  /** What a further member is told: the port that was found. Processes all ask the primary for the same one, even for 0. */
  #sharedPort(): number {
    return this.#options.kind === 'processes' ? this.#options.port : Number(new URL(this.url).port)
  }

  #seat(index: number, port: number): Promise<void> {
    const { kind, module, host, data, dataOf } = this.#options
    const seat = this.#seats[index]!
    const context: MemberContext = { host, port, index, reusePort: kind === 'threads', data: dataOf?.(index) ?? data }
    const started = Promise.withResolvers<void>()
    const events: Events = {
      news: (news) => this.#onNews(seat, news, started),
      gone: (why) => this.#onGone(seat, index, why, started),
    }
    seat.handle = (kind === 'threads' ? spawnThread : spawnProcess)(module, context, events)
    return started.promise
  }

  #onNews(seat: Seat, news: News, started: PromiseWithResolvers<void>): void {
    if (news.news === 'listening') {
      this.url = news.url
      this.notes = news.notes
      started.resolve()
    } else if (news.news === 'failed') {
      started.reject(new QpsError(news.code, news.message, { hint: news.hint ?? 'see the message' }))
    } else {
      if (news.tally !== undefined) this.#options.onTally?.(news.tally)
      if (news.news === 'state') seat.connections = news.connections
      else {
        seat.connections = 0
        seat.drained?.resolve(news.report)
      }
    }
  }

  #onGone(seat: Seat, index: number, why: string, started: PromiseWithResolvers<void>): void {
    seat.handle = undefined
    seat.connections = 0
    // Whatever it was answering is lost, and nobody knows how much.
    seat.drained?.resolve({ completed: 0, dropped: 0, ms: 0 })
    started.reject(
      new QpsError('QPS_MEMBER_FAILED', `a worker ended before it listened: ${why}`, { hint: 'see its output' }),
    )
    if (this.#ending || this.url === '') return
    this.#options.onGone?.(index)
    const { onLoss = reportLoss } = this.#options
    onLoss(`worker ${index} ended: ${why}`)
    const nowMs = performance.now()
    this.#replacedAtMs = this.#replacedAtMs.filter((atMs) => nowMs - atMs < replacementWindowMs)
    if (this.#replacedAtMs.length >= replacementsMax) {
      return onLoss(`worker ${index} is not replaced: ${replacementsMax} were within a minute`)
    }
    this.#replacedAtMs.push(nowMs)
    const port = this.#sharedPort()
    setTimeout(() => {
      if (!this.#ending) this.#seat(index, port).catch((error: unknown) => onLoss(messageOf(error)))
    }, replacementDelayMs)
  }
}

function drained(seat: Seat, limitMs: number): Promise<DrainReport> {
  if (seat.handle === undefined) return Promise.resolve({ completed: 0, dropped: 0, ms: 0 })
  seat.drained = Promise.withResolvers()
  seat.handle.give({ order: 'drain', limitMs })
  return seat.drained.promise
}

function reportLoss(why: string): void {
  process.stderr.write(`${JSON.stringify({ level: 'error', message: why })}\n`)
}
