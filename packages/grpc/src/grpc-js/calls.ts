import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2'
import type { Server } from '@grpc/grpc-js'
import type { Clock } from '@qps/core'
import type { AnyMethod, ServiceDefinition } from '../definition.ts'
import { type CallObserver, type MethodObserver, tellHandled } from '../server/observer.ts'
import { GrpcStatus } from '../status.ts'

/** What grpc-js asks of each stream first; it answers those itself that are no calls. */
type VerifyContentType = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => boolean

/**
 * The calls of a server of grpc-js, which does not tell of them: counted, and told to an observer. Its interceptors could
 * tell, but they learn nothing of deadlines that pass, of messages that are refused and of methods that do not exist, and a
 * chain of them would be work that the calls of the other servers do not have.
 */
export class Calls {
  inFlight = 0
  ended = 0
  readonly #clock: Clock
  readonly #observer: CallObserver | undefined

  constructor(clock: Clock, observer: CallObserver | undefined) {
    this.#clock = clock
    this.#observer = observer
  }

  /** The same service, whose messages are told of where they are decoded and encoded. */
  observedService(definition: ServiceDefinition): ServiceDefinition {
    const observer = this.#observer
    if (observer === undefined) return definition
    const methods = Object.entries(definition).map(([name, method]) => {
      return [name, observedMethod(method, observer.method(method.path))] as const
    })
    return Object.fromEntries(methods)
  }

  /**
   * From now on the server's calls are counted. The check of the content type is the one place of grpc-js 1.14 that every
   * call passes, whatever becomes of it; the test of observers notices where another version has none.
   */
  watch(server: Server): void {
    const checks = server as unknown as { _verifyContentType: VerifyContentType }
    const verify = checks._verifyContentType.bind(server)
    checks._verifyContentType = (stream, headers) => {
      const isCall = verify(stream, headers)
      if (isCall) this.#began(stream, headers[':path'] ?? '')
      return isCall
    }
  }

  #began(stream: ServerHttp2Stream, path: string): void {
    const observed = this.#observer?.method(path)
    const startMs = this.#clock.nowMs()
    this.inFlight++
    observed?.started()
    stream.once('close', () => {
      this.inFlight--
      this.ended++
      tellHandled(observed, statusOf(stream), (this.#clock.nowMs() - startMs) / 1000)
    })
  }
}

function observedMethod(method: AnyMethod, observed: MethodObserver): AnyMethod {
  return {
    ...method,
    requestDeserialize(bytes) {
      const message: unknown = method.requestDeserialize(bytes)
      observed.received()
      return message
    },
    responseSerialize(message) {
      const bytes = method.responseSerialize(message)
      observed.sent()
      return bytes
    },
  }
}

/** What the client was told, in trailers or in a header section that is trailers as well. */
function statusOf({ sentTrailers, sentHeaders }: ServerHttp2Stream): number {
  const told = sentTrailers?.['grpc-status'] ?? sentHeaders?.['grpc-status']
  return told === undefined ? GrpcStatus.CANCELLED : Number(told)
}
