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
class Done {
  methodIndex = 0
  route = ''
  status = 0
  startedMs = 0
  count = 0
}

/** Those of a usual turn, which are used again in the next one. */
const keptMax = 64

/**
 * The requests that a turn has answered, told of in one go behind it. Nothing is spent while nobody observes.
 *
 * The clock is read twice a turn, not twice a request: what one turn answers leaves together, at its end, so that is how
 * long each of those answers took.
 */
export class TurnTally {
  readonly #observe: RequestObserver | undefined
  readonly #later: (task: () => void) => void
  /** When this turn began; 0 before it has begun. */
  #turnStartMs = 0
  /** Those that differ in nothing are one. The first `#count` are of this turn, the others wait to be used again. */
  readonly #done: Done[] = []
  #count = 0

  /** @param later calls a task behind the running turn. Default: behind what is running now. */
  constructor(observe: RequestObserver | undefined, later: (task: () => void) => void = queueMicrotask) {
    this.#observe = observe
    this.#later = later
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
    const last = this.#count === 0 ? undefined : this.#done[this.#count - 1]
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
    this.#add(request, status)
  }

  #add({ methodIndex, route, startedMs }: Request, status: number): void {
    if (this.#count === this.#done.length) this.#done.push(new Done())
    const done = this.#done[this.#count++]!
    done.methodIndex = methodIndex
    done.route = route
    done.status = status
    done.startedMs = startedMs
    done.count = 1
  }

  get #isWatched(): boolean {
    return this.#observe !== undefined || requestDone.hasSubscribers
  }

  #turnMs(): number {
    if (this.#turnStartMs === 0) {
      this.#turnStartMs = performance.now()
      this.#later(this.#settle)
    }
    return this.#turnStartMs
  }

  readonly #settle = (): void => {
    const nowMs = performance.now()
    try {
      for (let index = 0; index < this.#count; index++) this.#tell(this.#done[index]!, nowMs)
    } finally {
      // Also where an observer throws: the next turn is another one.
      this.#count = 0
      if (this.#done.length > keptMax) this.#done.length = keptMax
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
