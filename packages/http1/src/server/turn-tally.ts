import { channel } from 'node:diagnostics_channel'
import { performance } from 'node:perf_hooks'
import { methods, requestDoneChannel } from '@qps/http-contract'
import type { Request } from './request.ts'

/**
 * Called behind each turn for what it answered: `seconds` from a complete head to the end of the turn that handed the
 * answer over; status 499 where the client left before. `count` requests that differ in nothing are one call.
 */
export type RequestObserver = (method: string, route: string, status: number, seconds: number, count: number) => void

/** Tells whoever subscribes of each answered request, as `RequestDone`. */
const requestDone = channel(requestDoneChannel)

/** nginx's number for a request whose client left; no client ever sees it. */
const clientLeft = 499

/** Answered requests of one turn that the same is told of. */
interface Done {
  methodIndex: number
  route: string
  status: number
  startedMs: number
  count: number
}

/**
 * The requests that a turn has answered, told of in one go behind it. Nothing is spent while nobody observes.
 *
 * The clock is read twice a turn, not twice a request: what one turn answers leaves together, at its end, so that is how
 * long each of those answers took.
 */
export class TurnTally {
  readonly #observe: RequestObserver | undefined
  /** When this turn began; 0 before it has begun. */
  #turnStartMs = 0
  /** Those that differ in nothing are one. */
  readonly #done: Done[] = []
  #last: Done | undefined

  constructor(observe: RequestObserver | undefined) {
    this.#observe = observe
  }

  /** A handler is about to be called. */
  began(request: Request): void {
    if (this.#isWatched) request.startedMs = this.#turnMs()
  }

  /** @param answered false: the client left before. */
  done(request: Request, statusCode: number, answered: boolean): void {
    if (!this.#isWatched) return
    this.#turnMs()
    const status = answered ? statusCode : clientLeft
    const last = this.#last
    if (
      last !== undefined &&
      last.methodIndex === request.methodIndex &&
      last.status === status &&
      last.startedMs === request.startedMs &&
      last.route === request.route
    ) {
      last.count++
      return
    }
    const { methodIndex, route, startedMs } = request
    this.#last = { methodIndex, route, status, startedMs, count: 1 }
    this.#done.push(this.#last)
  }

  get #isWatched(): boolean {
    return this.#observe !== undefined || requestDone.hasSubscribers
  }

  #turnMs(): number {
    if (this.#turnStartMs === 0) {
      this.#turnStartMs = performance.now()
      queueMicrotask(this.#settle)
    }
    return this.#turnStartMs
  }

  readonly #settle = (): void => {
    const nowMs = performance.now()
    try {
      for (const done of this.#done) this.#tell(done, nowMs)
    } finally {
      // Also where an observer throws: the next turn is another one.
      this.#done.length = 0
      this.#last = undefined
      this.#turnStartMs = 0
    }
  }

  #tell({ methodIndex, route, status, startedMs, count }: Done, nowMs: number): void {
    // A request that began before anybody watched has no beginning.
    const seconds = startedMs === 0 ? 0 : (nowMs - startedMs) / 1000
    this.#observe?.(methods[methodIndex]!, route, status, seconds, count)
    if (requestDone.hasSubscribers) requestDone.publish({ status, seconds, count })
  }
}
