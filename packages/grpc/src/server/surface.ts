import { EventEmitter } from 'node:events'
import { Duplex } from 'node:stream'
import { GrpcStatus } from '../status.ts'
import { type StatusObject, statusOfError } from '../error.ts'
import type { Metadata, MetadataLike } from '../metadata.ts'
import type { ServerCall } from './call.ts'

/** What every handler's call can do, as in grpc-js. It emits `cancelled` when nobody waits for an answer any more. */
export interface CallSurface {
  readonly cancelled: boolean
  /** What the client sent. */
  readonly metadata: Metadata
  /** `address:port` */
  getPeer(): string
  /** Sends the header section now; without it, it goes with the first message. A second time does nothing. */
  sendMetadata(metadata: MetadataLike): void
  /** Unix milliseconds; Infinity where there is none. */
  getDeadline(): number
  getPath(): string
  getHost(): string
  /** Empty without TLS, and without a certificate of the client that was verified. */
  getAuthContext(): { transportSecurityType?: string; sslPeerCertificate?: object }
}

/** The call of a unary handler. */
export class UnarySurface<Request = unknown> extends EventEmitter implements CallSurface {
  readonly #call: ServerCall
  readonly request: Request

  constructor(call: ServerCall, request: Request) {
    super()
    this.#call = call
    this.request = request
  }

  get cancelled(): boolean {
    return this.#call.cancelled
  }
  get metadata(): Metadata {
    return this.#call.metadata
  }
  getPeer(): string {
    return this.#call.stream.peer
  }
  sendMetadata(metadata: MetadataLike): void {
    this.#call.sendMetadata(metadata)
  }
  getDeadline(): number {
    return this.#call.deadlineMs
  }
  getPath(): string {
    return this.#call.method.path
  }
  getHost(): string {
    return hostOf(this.#call)
  }
  getAuthContext(): { transportSecurityType?: string; sslPeerCertificate?: object } {
    return this.#call.stream.authContext
  }
}

/** Messages that a stream holds for its handler, and for the connection, before the other side has to wait. */
const messagesHighWater = 16

/**
 * The call of a handler that streams: a stream of messages, readable where the client streams, writable where the server
 * does. `end` may carry trailing metadata; `emit('error', status)` and `destroy(status)` end the call with that status.
 */
export class StreamSurface<Request = unknown> extends Duplex implements CallSurface {
  readonly #call: ServerCall
  /** Where the client sends one message. */
  readonly request: Request
  #ending: StatusObject = { code: GrpcStatus.OK, details: '', metadata: null }

  constructor(call: ServerCall, request: Request) {
    const { requestStream, responseStream } = call.method
    const sides = { readable: requestStream, writable: responseStream }
    super({ objectMode: true, highWaterMark: messagesHighWater, ...sides })
    this.#call = call
    this.request = request
    this.on('error', onSurfaceError)
  }

  get cancelled(): boolean {
    return this.#call.cancelled
  }
  get metadata(): Metadata {
    return this.#call.metadata
  }
  getPeer(): string {
    return this.#call.stream.peer
  }
  sendMetadata(metadata: MetadataLike): void {
    this.#call.sendMetadata(metadata)
  }
  getDeadline(): number {
    return this.#call.deadlineMs
  }
  getPath(): string {
    return this.#call.method.path
  }
  getHost(): string {
    return hostOf(this.#call)
  }
  getAuthContext(): { transportSecurityType?: string; sslPeerCertificate?: object } {
    return this.#call.stream.authContext
  }

  override _read(): void {
    this.#call.resume()
  }

  override _write(message: unknown, _encoding: BufferEncoding, done: () => void): void {
    this.#call.sendMessage(message, done)
  }

  override _final(done: () => void): void {
    this.#call.sendStatus(this.#ending)
    done()
  }

  /** @param metadata sent with the status. */
  override end(metadata?: unknown): this {
    if (isMetadata(metadata)) this.#ending = { ...this.#ending, metadata }
    // Iterating destroys a stream that it has read to its end, the half that writes included: the call is to end all the same.
    if (this.destroyed) this.#call.sendStatus(this.#ending)
    return super.end()
  }

  /** @internal Messages that were written go first, where they still can. */
  onError(error: unknown): void {
    const status = statusOfError(error)
    if (this.destroyed || !this.#call.method.responseStream) return this.#call.sendStatus(status)
    this.#ending = { ...status, metadata: status.metadata ?? this.#ending.metadata }
    super.end()
  }
}

function onSurfaceError(this: StreamSurface, error: unknown): void {
  this.onError(error)
}

function isMetadata(value: unknown): value is MetadataLike {
  return typeof (value as Partial<MetadataLike> | null | undefined)?.toHttp2Headers === 'function'
}

function hostOf(call: ServerCall): string {
  return call.header(':authority') ?? call.header('host') ?? ''
}
