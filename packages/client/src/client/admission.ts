import { QpsError } from '@qps/core'
import type { Dispatcher } from 'undici'
import { clientError } from '../errors.ts'
import type { Tally } from './tally.ts'

type Handler = Dispatcher.DispatchHandler
type Controller = Dispatcher.DispatchController

/**
 * The outermost interceptor: bounds what waits (undici's own queue has no limit) and gives errors their codes.
 *
 * @param outstandingMax requests under way and waiting together.
 */
export function admissionInterceptor(outstandingMax: number, tally: Tally): Dispatcher.DispatcherComposeInterceptor {
  let outstanding = 0
  return (dispatch) =>
    function dispatchIfRoom(request, handler) {
      tally.requests++
      if (outstanding >= outstandingMax) {
        handler.onResponseError?.(null as never, busyError(outstandingMax))
        return false
      }
      outstanding++
      return dispatch(request, new OutcomeHandler(handler, () => outstanding--))
    }
}

function busyError(outstandingMax: number): QpsError {
  return new QpsError('QPS_CLIENT_BUSY', `${outstandingMax} requests are under way or wait already`, {
    retryable: true,
    hint: 'shed load before this point, or raise connectionsMax or queueMax if the server has room',
  })
}

/** Passes everything on; sees how it ended. */
class OutcomeHandler implements Handler {
  readonly #handler: Handler
  readonly #ended: () => void

  constructor(handler: Handler, ended: () => void) {
    this.#handler = handler
    this.#ended = ended
  }

  onRequestStart(controller: Controller, context: unknown): void {
    this.#handler.onRequestStart?.(controller, context)
  }

  onRequestUpgrade(...upgrade: Parameters<NonNullable<Handler['onRequestUpgrade']>>): void {
    this.#ended()
    this.#handler.onRequestUpgrade?.(...upgrade)
  }

  onResponseStarted(): void {
    this.#handler.onResponseStarted?.()
  }

  onResponseStart(...start: Parameters<NonNullable<Handler['onResponseStart']>>): void {
    this.#handler.onResponseStart?.(...start)
  }

  onResponseData(controller: Controller, chunk: Buffer): void {
    this.#handler.onResponseData?.(controller, chunk)
  }

  onResponseEnd(...end: Parameters<NonNullable<Handler['onResponseEnd']>>): void {
    this.#ended()
    this.#handler.onResponseEnd?.(...end)
  }

  onResponseError(controller: Controller, error: Error): void {
    this.#ended()
    this.#handler.onResponseError?.(controller, clientError(error))
  }

  onBodySent(chunk: Buffer): void {
    this.#handler.onBodySent?.(chunk)
  }

  onRequestSent(): void {
    this.#handler.onRequestSent?.()
  }
}
