import { createServer, IncomingMessage, type Server, ServerResponse } from 'node:http'
import type { Clock } from '@qps/core'
import type { RefusalReason } from '@qps/http-contract'
import { objection } from './admission.ts'
import { answerClientErrors } from './client-error.ts'
import type { Connection } from './connection.ts'
import type { Guard } from './guard.ts'

/** One answered request, as metrics want it. */
export interface RequestInfo {
  /** One of the methods that Node's parser knows: a bounded list. */
  method: string
  /** The route's pattern (`/echo`), never the path that was asked for; `unmatched` where there is none. */
  route: string
  /** The answer's status; 499 where the client left before it was complete. */
  status: number
  /** From the end of the header section to the answer's last byte handed to the kernel. */
  seconds: number
}

export type RequestObserver = (info: RequestInfo) => void

/** A response that knows its connection, so that its end needs neither a closure nor a lookup. */
export class GuardedResponse extends ServerResponse {
  owner: Connection | undefined
  startedMs = 0
  route = 'unmatched'
}

/** nginx's number for a request whose client left; no client ever sees it. */
const clientLeft = 499

/** Room in which connections beyond the cap can be told so; beyond this they are dropped without a word. */
const refusalRoom = 256

/**
 * A node:http server whose connections the guard watches and whose requests pass the front filter before `router` sees
 * them. The order for one request: guard (connection), Node's parser, front filter, router.
 */
export function guardedServer(
  router: (request: IncomingMessage, response: ServerResponse) => void,
  guard: Guard,
  clock: Clock,
  observe: RequestObserver | undefined,
): Server {
  const { limits } = guard
  const server = createServer<typeof IncomingMessage, typeof GuardedResponse>({
    ServerResponse: GuardedResponse,
    maxHeaderSize: limits.headerBytesMax,
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    connectionsCheckingInterval: limits.sweepMs,
    // Clients are told one second less than they get: a request that leaves in time must not meet a closed door.
    keepAliveTimeout: limits.idleMs - 1_000,
    keepAliveTimeoutBuffer: 1_000,
    // The front filter asks for Host itself: Node would answer 400 and then go on with what is pipelined behind.
    requireHostHeader: false,
  })
  server.maxConnections = limits.connectionsMax + refusalRoom
  guard.attach(server)
  answerClientErrors(server, guard)

  const admit = (request: IncomingMessage, response: GuardedResponse, expects: boolean): void => {
    const { socket } = request
    const connection = guard.of(socket)
    if (connection === undefined || connection.condemned) return
    const reason = objection(request, limits)
    if (reason !== undefined) return guard.refuse(socket, reason)
    guard.begin(connection, request, response)
    response.owner = connection
    if (observe !== undefined) response.startedMs = clock.nowMs()
    response.on('close', onClose)
    if (expects) response.writeContinue()
    if (guard.draining) guard.routeDraining(connection, response, () => router(request, response))
    else router(request, response)
  }

  function onClose(this: GuardedResponse): void {
    const { socket } = this.req
    const answered = this.writableFinished || this.owner!.condemned
    guard.finish(this.owner!, socket, answered)
    observe?.({
      method: this.req.method!,
      route: this.route,
      status: answered ? this.statusCode : clientLeft,
      seconds: (clock.nowMs() - this.startedMs) / 1000,
    })
  }

  const refuse = (request: IncomingMessage, reason: RefusalReason): void => guard.refuse(request.socket, reason)
  server.on('request', (request, response) => admit(request, response, false))
  server.on('checkContinue', (request, response) => admit(request, response, true))
  server.on('checkExpectation', (request) => refuse(request, 'expectation'))
  server.on('connect', (request) => refuse(request, 'connect'))
  return server as unknown as Server
}

/** Lets a response know its route's pattern. */
export function nameRoute(_request: IncomingMessage, response: ServerResponse, pattern: string): void {
  ;(response as GuardedResponse).route = pattern
}
