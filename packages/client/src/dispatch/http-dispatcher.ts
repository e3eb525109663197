export interface HttpRequest {
  /** Default GET. */
  method?: string
  /** With its query, from the first slash. */
  path: string
  headers?: Readonly<Record<string, string>>
  body?: string | Uint8Array
}

/** Field names in lower case; several fields of one name are an array. */
export type ResponseHeaders = Readonly<Record<string, string | string[] | undefined>>

/**
 * The head of an answer. Nothing has to be decoded that is not asked for, so it holds for the length of the `onHead` call only.
 */
export interface ResponseHead {
  readonly status: number
  /** The value of a field by its lower-case name, several lines of it joined by `, `; undefined where there is none. */
  header(name: string): string | undefined
  /** All fields, to be kept. */
  headers(): ResponseHeaders
}

/** A head whose fields are decoded already. */
export class DecodedHead implements ResponseHead {
  readonly status: number
  readonly #headers: ResponseHeaders

  constructor(status: number, headers: ResponseHeaders) {
    this.status = status
    this.#headers = headers
  }

  header(name: string): string | undefined {
    const value = this.#headers[name]
    return Array.isArray(value) ? value.join(', ') : value
  }

  headers(): ResponseHeaders {
    return this.#headers
  }
}

/**
 * Receives one answer. The calls come in this order, from the event loop, never from inside `dispatch`:
 *
 *   onHead ──► onData, any number of times ──► onEnd
 *      └───────────────┴──► onError            (one of the two, once, last)
 *
 * A handler must not throw.
 */
export interface ResponseHandler {
  onHead(head: ResponseHead): void
  /** The bytes are the dispatcher's again when the call returns: copy what is to be kept. */
  onData(chunk: Uint8Array): void
  onEnd(): void
  /** A QpsError with one of the codes of `PooledClient.request`. */
  onError(error: Error): void
}

/**
 * Sends requests to one origin. The implementations differ in how many pools there are and on which thread, and in nothing
 * that a handler sees: one conformance suite holds for all of them.
 */
export interface HttpDispatcher extends AsyncDisposable {
  /** Which implementation: a name for tables. */
  readonly kind: string
  /**
   * Queues a request and returns; O(1), does no I/O of its own. Requests may be answered in any order.
   *
   * With `outstandingMax` requests under way the handler gets QPS_CLIENT_BUSY; after `close`, QPS_CLIENT_CLOSED.
   */
  dispatch(request: HttpRequest, handler: ResponseHandler): void
  /** Takes no more requests; resolves when those under way are answered and the connections are closed. */
  close(): Promise<void>
}

/** What every implementation understands. */
export interface DispatcherOptions {
  /** `http://host:port` */
  origin: string
  /** Connections of all shards or workers together, at least one for each. Default 64. */
  connectionsMax?: number
  /** Shards or workers, where the implementation has any, 1 to 64. Default 4. */
  parts?: number
  /** How a shard or worker is chosen; by hash, requests for one path share connections. Default `round-robin`. */
  pick?: 'round-robin' | 'hash'
  /** Requests under way and waiting together. Default 65,536. */
  outstandingMax?: number
  /** Requests outstanding on one connection at most, 1 to 1024. Default 1: the next one waits for the answer. */
  pipelining?: number
}

/** What a module that implements {@link HttpDispatcher} exports as `createDispatcher`. */
export type CreateDispatcher = (options: DispatcherOptions) => HttpDispatcher

/** A whole answer. */
export interface HttpAnswer {
  status: number
  headers: ResponseHeaders
  body: Uint8Array
}

/**
 * One request and its whole answer, for callers that need no streaming. Keeps the body, which has no bound of its own here.
 *
 * @example const { status, body } = await exchange(dispatcher, { path: '/' })
 */
export function exchange(dispatcher: HttpDispatcher, request: HttpRequest): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    let status = 0
    let headers: ResponseHeaders = {}
    const chunks: Uint8Array[] = []
    dispatcher.dispatch(request, {
      onHead(head) {
        status = head.status
        headers = head.headers()
      },
      onData: (chunk) => void chunks.push(chunk.slice()),
      onEnd: () => resolve({ status, headers, body: joined(chunks) }),
      onError: reject,
    })
  })
}

function joined(chunks: readonly Uint8Array[]): Uint8Array {
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)
}
