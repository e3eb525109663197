import { isIP } from 'node:net'
import { describe, messageOf, QpsError } from '@qps/core'
import { createDispatcher as createEngineDispatcher, type Origin, type ResponseHandler as Receiver } from '@qps/http1'
import { clientDefaults } from '../client/options.ts'
import { engineError } from '../errors.ts'
import { Gate } from './gate.ts'
import type { DispatcherOptions, HttpDispatcher, ResponseHandler, ResponseHead } from './http-dispatcher.ts'
import { planDispatcher } from './options.ts'
import { usePoller } from './shared-poller.ts'

/**
 * The client of @qps/http1, on one thread: what is sent to a connection within one turn of the event loop leaves in one
 * write, and all connections' writes of a turn go to the kernel together where it takes them so. No socket object, stream or
 * promise stands between a request and its bytes.
 *
 * The origin names an address, or localhost: nothing is looked up. No TLS.
 */
export function createDispatcher(options: DispatcherOptions): HttpDispatcher {
  const { origin, connectionsMax, outstandingMax, pipelining } = planDispatcher(options)
  const to = addressOf(new URL(origin))
  const use = usePoller()
  const engine = createEngineDispatcher({
    ...engineLimits,
    origin: to,
    poller: use.poller,
    connectionsMax,
    pipelining,
    // The gate refuses first, with the code that all implementations share.
    queueMax: outstandingMax,
  })
  const gate = new Gate(outstandingMax)
  let closing: Promise<void> | undefined
  const close = (): Promise<void> => {
    gate.close()
    closing ??= engine.close().then(() => use[Symbol.asyncDispose]())
    return closing
  }
  return {
    kind: 'coalescing',
    dispatch: (request, handler) => {
      if (!gate.enter(handler)) return
      try {
        engine.dispatch(request, new EngineHandler(handler, gate.leave))
      } catch (error) {
        gate.leave()
        queueMicrotask(() => handler.onError(requestError(error)))
      }
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** A day: a request waits for a connection, and for all of its answer, as long as with undici, which limits neither. */
const unlimitedMs = 86_400_000

/** The engine's names for what `undiciLimits` gives the other arms. */
const engineLimits = {
  idleTimeoutMs: clientDefaults.idleTimeoutMs,
  headTimeoutMs: clientDefaults.headersTimeoutMs,
  bodyTimeoutMs: clientDefaults.bodyTimeoutMs,
  connectTimeoutMs: clientDefaults.connectTimeoutMs,
  headerBytesMax: clientDefaults.headerBytesMax,
  responseBytesMax: clientDefaults.responseBytesMax,
  queueTimeoutMs: unlimitedMs,
  responseTimeoutMs: unlimitedMs,
} as const

/** The engine's callbacks as ours. */
class EngineHandler implements Receiver {
  readonly #handler: ResponseHandler
  readonly #ended: () => void

  constructor(handler: ResponseHandler, ended: () => void) {
    this.#handler = handler
    this.#ended = ended
  }

  onHead(head: ResponseHead): void {
    this.#handler.onHead(head)
  }

  onData(bytes: Uint8Array, start: number, end: number): void {
    this.#handler.onData(bytes.subarray(start, end))
  }

  onEnd(): void {
    this.#ended()
    this.#handler.onEnd()
  }

  onError(error: QpsError): void {
    this.#ended()
    this.#handler.onError(engineError(error))
  }
}

function requestError(cause: unknown): QpsError {
  return new QpsError('QPS_CLIENT_REQUEST', `the request cannot be sent: ${messageOf(cause)}`, {
    hint: 'correct its path, method, headers or body',
    cause,
  })
}

function addressOf({ protocol, hostname, port, host }: URL): Origin {
  const name = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname
  const address = name === 'localhost' ? '127.0.0.1' : name
  if (protocol === 'http:' && isIP(address) !== 0) return { host: address, port: Number(port) || 80, authority: host }
  throw new QpsError('QPS_OPTION', `origin must be http:// and an address, not ${describe(`${protocol}//${host}`)}`, {
    hint: 'this dispatcher looks no name up and speaks no TLS: resolve the name first, or take another dispatcher',
  })
}
