import type { RequestParser } from '../request-parser.ts'
import type { HttpConnection } from './connection.ts'
import { Request } from './request.ts'
import { Response } from './response.ts'
import type { ResponseOwner } from './response-owner.ts'

/** Pairs that nobody uses and that are kept. One is in use at a time, where handlers answer before they return. */
const sparePairsMax = 16

/**
 * Where the objects that handlers get come from: new ones for each request, or the same ones again.
 *
 * They come back only where a handler has ended the answer before it returned, and has returned no promise. A handler that
 * then still holds one of them holds another client's request: what pooling costs (see `reuseMessages`).
 */
export class Messages {
  readonly #requests: Request[] = []
  readonly #responses: Response[] = []
  readonly #sparesMax: number

  /** @param reuse false: all are new. */
  constructor(reuse: boolean) {
    this.#sparesMax = reuse ? sparePairsMax : 0
  }

  takeRequest(connection: HttpConnection, parser: RequestParser, bytes: Uint8Array, start: number): Request {
    const spare = this.#requests.pop()
    return spare === undefined
      ? new Request(connection, parser, bytes, start)
      : spare.renew(connection, parser, bytes, start)
  }

  takeResponse(owner: ResponseOwner): Response {
    const spare = this.#responses.pop()
    return spare === undefined ? new Response(owner) : spare.renew(owner)
  }

  give(request: Request, response: Response): void {
    if (this.#requests.length >= this.#sparesMax) return
    this.#requests.push(request)
    this.#responses.push(response)
  }
}
