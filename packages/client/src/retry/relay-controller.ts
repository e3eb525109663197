import type { Dispatcher } from 'undici'

/**
 * The one controller that a caller sees, whichever attempt is under way behind it. A pause or an abort that comes between two
 * attempts is kept for the next.
 */
export class RelayController implements Dispatcher.DispatchController {
  readonly #onAbort: (reason: Error) => void
  #target: Dispatcher.DispatchController | undefined
  #paused = false
  #reason: Error | null = null

  /** @param onAbort called once, where the abort comes while no attempt is under way that would report it. */
  constructor(onAbort: (reason: Error) => void) {
    this.#onAbort = onAbort
  }

  /** The attempt under way; undefined between two. */
  attach(target: Dispatcher.DispatchController | undefined): void {
    this.#target = target
    if (!target) return
    if (this.#reason) target.abort(this.#reason)
    else if (this.#paused) target.pause()
  }

  get aborted(): boolean {
    return this.#reason !== null
  }

  get paused(): boolean {
    return this.#paused
  }

  get reason(): Error | null {
    return this.#reason
  }

  get rawHeaders(): Dispatcher.DispatchController['rawHeaders'] {
    return this.#target?.rawHeaders ?? null
  }

  get rawTrailers(): Dispatcher.DispatchController['rawTrailers'] {
    return this.#target?.rawTrailers ?? null
  }

  abort(reason: Error): void {
    if (this.#reason) return
    this.#reason = reason
    if (this.#target) this.#target.abort(reason)
    else this.#onAbort(reason)
  }

  pause(): void {
    this.#paused = true
    this.#target?.pause()
  }

  resume(): void {
    this.#paused = false
    this.#target?.resume()
  }
}
