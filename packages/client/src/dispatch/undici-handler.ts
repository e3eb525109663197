import type { Dispatcher } from 'undici'
import { clientError } from '../errors.ts'
import { DecodedHead, type HttpRequest, type ResponseHandler, type ResponseHeaders } from './http-dispatcher.ts'

/** undici's callbacks as ours. */
class UndiciHandler implements Dispatcher.DispatchHandler {
  readonly #handler: ResponseHandler
  readonly #ended: () => void
  #started = false

  constructor(handler: ResponseHandler, ended: () => void) {
    this.#handler = handler
    this.#ended = ended
  }

  onRequestStart(): void {
    this.#started = true
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: ResponseHeaders): void {
    // 1xx announces; the answer is yet to come.
    if (status >= 200) this.#handler.onHead(new DecodedHead(status, headers))
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#handler.onData(chunk)
  }

  onResponseEnd(): void {
    this.#ended()
    this.#handler.onEnd()
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    this.#ended()
    // undici refuses a request from inside its own dispatch; ours promises not to.
    if (this.#started) this.#handler.onError(clientError(error))
    else queueMicrotask(() => this.#handler.onError(clientError(error)))
  }
}

/** Sends one request over any dispatcher of undici. @param ended called once, before the handler's last call. */
export function dispatchOver(
  dispatcher: Dispatcher,
  origin: string,
  request: HttpRequest,
  handler: ResponseHandler,
  ended: () => void,
): void {
  const { method = 'GET', path, headers, body } = request
  dispatcher.dispatch(
    { origin, method, path, headers: headers ?? null, body: body ?? null },
    new UndiciHandler(handler, ended),
  )
}
