import type { EventEmitter } from 'node:events'
import type { AnyMethod } from '../definition.ts'
import { statusOfError } from '../error.ts'
import type { MetadataLike } from '../metadata.ts'
import { GrpcStatus } from '../status.ts'
import type { CallListener, ServerCall } from './call.ts'
import { type CallSurface, StreamSurface, UnarySurface } from './surface.ts'

/** Ends a call that has one reply: with an error, a status, or the reply and perhaps trailing metadata. */
export type ReplyCallback<Reply> = (error: unknown, reply?: Reply | null, trailer?: MetadataLike) => void

/**
 * A handler in the form of grpc-js. Two parameters where the server sends one message, one where it streams; types stay
 * with the implementation, so that those of grpc-js fit too.
 */
export type Handler = (call: never, callback: never) => unknown
type RunnableHandler = (call: CallSurface, callback?: ReplyCallback<unknown>) => unknown

/** Runs the handler for a call, as its method's shape asks for. */
export function listenerFor(call: ServerCall, method: AnyMethod, handler: Handler): CallListener {
  const run = handler as RunnableHandler
  return method.requestStream ? new StreamedRequest(call, run) : new SingleRequest(call, run)
}

/** Calls the handler; whatever it fails with, now or later, ends the call. */
function begin(call: ServerCall, handler: RunnableHandler, surface: CallSurface): void {
  const fail = (error: unknown): void => call.sendStatus(statusOfError(error))
  const reply: ReplyCallback<unknown> = (error, message, trailer) => {
    if (error === null || error === undefined || error === false) return call.sendReply(message, trailer)
    const status = statusOfError(error)
    call.sendStatus({ ...status, metadata: trailer ?? status.metadata })
  }
  try {
    const result = call.method.responseStream ? handler(surface) : handler(surface, reply)
    if (result instanceof Promise) result.catch(fail)
  } catch (error) {
    fail(error)
  }
}

function tellCancelled(surface: UnarySurface | StreamSurface): void {
  const emitter: EventEmitter = surface
  emitter.emit('cancelled', 'cancelled')
  if (surface instanceof StreamSurface) surface.destroy()
}

/** The client sends one message: the handler runs when it has come, and nothing after it. */
class SingleRequest implements CallListener {
  readonly #call: ServerCall
  readonly #handler: RunnableHandler
  #request: unknown
  #received = false
  #surface: UnarySurface | StreamSurface | undefined

  constructor(call: ServerCall, handler: RunnableHandler) {
    this.#call = call
    this.#handler = handler
  }

  onStart(): void {
    // The handler waits for the request.
  }

  onMessage(message: unknown): void {
    if (this.#received) return this.#call.fail(GrpcStatus.UNIMPLEMENTED, 'this method takes one message, more came')
    this.#received = true
    this.#request = message
  }

  onHalfClose(): void {
    if (!this.#received) return this.#call.fail(GrpcStatus.UNIMPLEMENTED, 'this method takes one message, none came')
    const surface = this.#call.method.responseStream
      ? new StreamSurface(this.#call, this.#request)
      : new UnarySurface(this.#call, this.#request)
    this.#surface = surface
    begin(this.#call, this.#handler, surface)
  }

  onCancel(): void {
    if (this.#surface) tellCancelled(this.#surface)
  }
}

/** The client streams: the handler runs at once, and reads what comes. */
class StreamedRequest implements CallListener {
  readonly #call: ServerCall
  readonly #handler: RunnableHandler
  readonly #surface: StreamSurface

  constructor(call: ServerCall, handler: RunnableHandler) {
    this.#call = call
    this.#handler = handler
    this.#surface = new StreamSurface(call, undefined)
  }

  onStart(): void {
    begin(this.#call, this.#handler, this.#surface)
  }

  onMessage(message: unknown): void {
    if (!this.#surface.push(message)) this.#call.pause()
  }

  onHalfClose(): void {
    this.#surface.push(null)
  }

  onCancel(): void {
    tellCancelled(this.#surface)
  }
}
