import { Worker } from 'node:worker_threads'
import { QpsError, type QpsErrorCode, siblingModule, sourceFlags } from '@qps/core'
import { Gate } from './gate.ts'
import {
  DecodedHead,
  type DispatcherOptions,
  type HttpDispatcher,
  type HttpRequest,
  type ResponseHandler,
} from './http-dispatcher.ts'
import { planDispatcher, shareOf } from './options.ts'
import { createPicker } from './picker.ts'
import type { FromWorker, ToWorker } from './worker-protocol.ts'

/**
 * Clients on worker threads, reached by messages. Each request and each answer is copied into a message, queued, and
 * wakes the other thread: that must cost less than the client's work does, or crossing threads loses.
 * The answer's body crosses whole.
 */
export function createDispatcher(options: DispatcherOptions): HttpDispatcher {
  const { origin, connectionsMax, outstandingMax, parts, pick, pipelining } = planDispatcher(options)
  const connections = shareOf(connectionsMax, parts)
  const workers = Array.from(
    { length: parts },
    () => new RemoteClient({ origin, connectionsMax: connections, pipelining }),
  )
  const pickWorker = createPicker(pick, parts)
  const gate = new Gate(outstandingMax)
  const close = async (): Promise<void> => {
    gate.close()
    await Promise.all(workers.map((worker) => worker.close()))
  }
  return {
    kind: 'per-worker',
    dispatch: (request, handler) => {
      if (gate.enter(handler)) workers[pickWorker(request.path)]!.send(request, handler, gate.leave)
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

interface Outstanding {
  handler: ResponseHandler
  ended: () => void
}

/** This side of one worker. */
class RemoteClient {
  readonly #worker: Worker
  readonly #outstanding = new Map<number, Outstanding>()
  readonly #exited = Promise.withResolvers<void>()
  #sequence = 0
  #closing = false
  #failure: QpsError | undefined

  constructor(workerData: DispatcherOptions) {
    this.#worker = new Worker(siblingModule(import.meta.url, './worker-entry'), {
      workerData,
      execArgv: sourceFlags(import.meta.url),
    })
    this.#worker.on('message', (message: FromWorker) => this.#answered(message))
    this.#worker.on('error', (error) => this.#died(error))
    this.#worker.once('exit', (code) => {
      this.#died(new Error(`the thread ended with ${code}`))
      this.#exited.resolve()
    })
    // As an idle connection does not, an idle worker does not keep the process alive.
    this.#worker.unref()
  }

  send(request: HttpRequest, handler: ResponseHandler, ended: () => void): void {
    if (this.#failure) {
      const failure = this.#failure
      queueMicrotask(() => {
        ended()
        handler.onError(failure)
      })
      return
    }
    const id = this.#sequence++
    if (this.#outstanding.size === 0) this.#worker.ref()
    this.#outstanding.set(id, { handler, ended })
    this.#post({ type: 'request', id, request })
  }

  close(): Promise<void> {
    this.#closing = true
    this.#worker.ref()
    this.#post({ type: 'close' })
    return this.#exited.promise
  }

  #post(message: ToWorker): void {
    this.#worker.postMessage(message)
  }

  #answered(message: FromWorker): void {
    const outstanding = this.#take(message.id)
    if (!outstanding) return
    const { handler, ended } = outstanding
    ended()
    if (message.type === 'answer') {
      handler.onHead(new DecodedHead(message.status, message.headers))
      if (message.body.length > 0) handler.onData(message.body)
      handler.onEnd()
    } else {
      const { retryable, hint } = message
      handler.onError(
        new QpsError(
          message.code as QpsErrorCode,
          message.message,
          hint === undefined ? { retryable } : { retryable, hint },
        ),
      )
    }
  }

  #take(id: number): Outstanding | undefined {
    const outstanding = this.#outstanding.get(id)
    this.#outstanding.delete(id)
    // Who waits for the end of the thread waits for it beyond the last answer.
    if (this.#outstanding.size === 0 && !this.#closing) this.#worker.unref()
    return outstanding
  }

  #died(cause: unknown): void {
    this.#failure ??= new QpsError('QPS_CLIENT_WORKER', 'the thread of this connection pool has ended', {
      cause,
      hint: 'create another dispatcher; the cause says why the thread ended',
    })
    for (const [id, { handler, ended }] of this.#outstanding) {
      this.#outstanding.delete(id)
      ended()
      handler.onError(this.#failure)
    }
  }
}
