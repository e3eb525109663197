import type { Clock, Random } from '@qps/core'
import type { Dispatcher } from 'undici'
import type { Tally } from '../client/tally.ts'
import type { RetryBudget } from './budget.ts'
import { isConnectionEnd, isRepeatable, retryDelayMs } from './policy.ts'
import { RelayController } from './relay-controller.ts'

export interface RetryOptions {
  /** Attempts of one request, at least 1. */
  attemptsMax: number
  budget: RetryBudget
  tally: Tally
  clock: Clock
  random: Random
}

type Handler = Dispatcher.DispatchHandler
type Headers = Record<string, string | string[] | undefined>

/**
 * Repeats what may be repeated: an idempotent request whose body is at hand, whose connection ended before any byte of an
 * answer (at once, for the next connection is another), or whose answer was 429 or 503 (after a wait). Every retry is within
 * the attempts of its request and within the budget of all. Otherwise the caller sees what happened, unchanged.
 *
 * An interceptor for undici's `compose`.
 */
export function retryInterceptor(options: RetryOptions): Dispatcher.DispatcherComposeInterceptor {
  return (dispatch) =>
    function dispatchWithRetries(request, handler) {
      options.budget.earn()
      return dispatch(request, new RetryHandler(options, dispatch, request, handler))
    }
}

class RetryHandler implements Handler {
  readonly #options: RetryOptions
  readonly #dispatch: Dispatcher.Dispatch
  readonly #request: Dispatcher.DispatchOptions
  readonly #handler: Handler
  readonly #relay = new RelayController((reason) => this.#abandon(reason))
  #attempt = 1
  /** A byte of an answer was seen: the request did reach a server that acted on it. */
  #answered = false
  /** The answer under way is not the caller's: it is read to its end and repeated after so many milliseconds. */
  #repeatInMs: number | undefined
  #wait: Disposable | undefined

  constructor(
    options: RetryOptions,
    dispatch: Dispatcher.Dispatch,
    request: Dispatcher.DispatchOptions,
    handler: Handler,
  ) {
    this.#options = options
    this.#dispatch = dispatch
    this.#request = request
    this.#handler = handler
  }

  onRequestStart(controller: Dispatcher.DispatchController, context: unknown): void {
    this.#relay.attach(controller)
    if (this.#attempt === 1) this.#handler.onRequestStart?.(this.#relay, context)
  }

  onRequestUpgrade(...[, ...rest]: Parameters<NonNullable<Handler['onRequestUpgrade']>>): void {
    this.#handler.onRequestUpgrade?.(this.#relay, ...rest)
  }

  onResponseStarted(): void {
    this.#answered = true
    this.#handler.onResponseStarted?.()
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: Headers, message?: string): void {
    const { clock, random } = this.#options
    const delayMs = retryDelayMs(status, headers['retry-after'], this.#attempt, clock.wallMs(), random)
    if (delayMs !== undefined && this.#mayRepeat()) this.#repeatInMs = delayMs
    else this.#handler.onResponseStart?.(this.#relay, status, headers, message)
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#repeatInMs === undefined) this.#handler.onResponseData?.(this.#relay, chunk)
  }

  onResponseEnd(_: Dispatcher.DispatchController, trailers: Headers): void {
    if (this.#repeatInMs === undefined) this.#handler.onResponseEnd?.(this.#relay, trailers)
    else this.#repeat(this.#repeatInMs)
  }

  onResponseError(_: Dispatcher.DispatchController | null, error: Error): void {
    if (this.#repeatInMs !== undefined && !this.#relay.aborted) return this.#repeat(this.#repeatInMs)
    const ended = !this.#answered && isConnectionEnd(error)
    if (ended) this.#options.tally.resets++
    if (ended && !this.#relay.aborted && this.#mayRepeat()) this.#repeat(0)
    else this.#handler.onResponseError?.(this.#relay, error)
  }

  onBodySent(chunk: Buffer): void {
    this.#handler.onBodySent?.(chunk)
  }

  onRequestSent(): void {
    this.#handler.onRequestSent?.()
  }

  #mayRepeat(): boolean {
    const { attemptsMax, budget, tally } = this.#options
    if (this.#attempt >= attemptsMax || !isRepeatable(this.#request)) return false
    if (budget.spend()) return true
    tally.retriesRefused++
    return false
  }

  /** Never from within undici's callback: it is still taking the old connection down. */
  #repeat(delayMs: number): void {
    this.#relay.attach(undefined)
    this.#attempt++
    this.#answered = false
    this.#repeatInMs = undefined
    this.#options.tally.retries++
    // Nothing else may keep the process alive meanwhile, and somebody awaits the answer.
    const anchor = setInterval(() => {}, 0x7fff_ffff)
    const timer = this.#options.clock.after(delayMs, () => {
      clearInterval(anchor)
      this.#wait = undefined
      this.#dispatch(this.#request, this)
    })
    this.#wait = {
      [Symbol.dispose]: () => {
        clearInterval(anchor)
        timer[Symbol.dispose]()
      },
    }
  }

  /** The caller gave up: between two attempts nobody else would tell it that it is over. */
  #abandon(reason: Error): void {
    if (!this.#wait) return
    this.#wait[Symbol.dispose]()
    this.#wait = undefined
    this.#handler.onResponseError?.(this.#relay, reason)
  }
}
