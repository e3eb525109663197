import { type Dispatcher, Pool } from 'undici'
import { clientError } from '../errors.ts'
import { RetryBudget } from '../retry/budget.ts'
import { retryInterceptor } from '../retry/interceptor.ts'
import { admissionInterceptor } from './admission.ts'
import { AgingClient } from './aging-client.ts'
import { createConnector } from './connector.ts'
import { type ClientOptions, type ClientPlan, planClient } from './options.ts'
import { attribute, type ClientStats, Tally, watchChannels } from './tally.ts'

/** As undici's `request` takes it, without the origin, which is the client's. */
export type ClientRequest = Omit<Dispatcher.RequestOptions, 'origin' | 'method'> & {
  /** Default GET. */
  method?: Dispatcher.HttpMethod
}

/** HTTP/1.1 to one origin over a bounded pool of connections. One thread's. */
export interface PooledClient extends AsyncDisposable {
  /**
   * Sends one request. Resolves when the header section is there; the body is read by the caller (or dumped: `body.dump()`),
   * for until then it holds its connection.
   *
   * @throws QpsError, by code:
   * QPS_CLIENT_BUSY: `queueMax` requests wait (retryable).
   * QPS_CLIENT_CONNECT, QPS_CLIENT_CONNECT_TIMEOUT: no connection (retryable).
   * QPS_CLIENT_RESET: the connection ended early and the request was not to be repeated, or not again (retryable).
   * QPS_CLIENT_HEADERS_TIMEOUT, QPS_CLIENT_BODY_TIMEOUT: the server was too slow (retryable).
   * QPS_CLIENT_HEADER_SIZE, QPS_CLIENT_RESPONSE_SIZE: the answer is beyond its bound.
   * QPS_CLIENT_PROTOCOL: the answer is malformed. QPS_CLIENT_REQUEST: the request is. QPS_CLIENT_CLOSED: after `close`.
   * The signal's own reason where it aborted.
   */
  request(options: ClientRequest): Promise<Dispatcher.ResponseData>
  /** The same pool, retries and bounds for undici's other functions: `fetch(url, { dispatcher })`, `stream`, `pipeline`. */
  readonly dispatcher: Dispatcher
  /** Counters, as they are now. */
  readonly stats: ClientStats
  /** Takes no more requests; resolves when those under way are answered and all connections are closed. */
  close(): Promise<void>
  /** Ends everything at once; requests under way fail with QPS_CLIENT_CLOSED. */
  destroy(): Promise<void>
}

/**
 * A client whose every limit has a name and a default, over undici's Pool.
 *
 * @param options see {@link ClientOptions}; only `origin` is required.
 * @throws QpsError QPS_OPTION naming the option, its value and its range.
 * @example
 * await using client = createClient({ origin: 'http://127.0.0.1:8080' })
 * const { statusCode, body } = await client.request({ path: '/' })
 * console.log(statusCode, await body.json())
 */
export function createClient(options: ClientOptions): PooledClient {
  const plan = planClient(options)
  const tally = new Tally()
  const watch = watchChannels()
  const pool = createPool(plan, tally)
  const { clock, random, attemptsMax, retryRatio, retryReserve, queueMax, connectionsMax, pipelining } = plan
  const budget = new RetryBudget({ ratio: retryRatio, reserve: retryReserve })
  const dispatcher = pool.compose(
    retryInterceptor({ attemptsMax, budget, tally, clock, random }),
    admissionInterceptor(connectionsMax * pipelining + queueMax, tally),
  )
  const end = async (ending: Promise<void>): Promise<void> => {
    await ending
    watch[Symbol.dispose]()
  }
  const close = (): Promise<void> => end(pool.destroyed ? Promise.resolve() : pool.close())
  return {
    dispatcher,
    request: ({ method = 'GET', ...request }) => send(dispatcher, { ...request, method }),
    get stats() {
      return tally.snapshot()
    },
    close,
    destroy: () => end(pool.destroy()),
    [Symbol.asyncDispose]: close,
  }
}

function createPool(plan: ClientPlan, tally: Tally): Pool {
  const { clock, random, lifetimeMs, lifetimeJitterRatio } = plan
  const aging = {
    clock,
    connect: createConnector(plan),
    drawLifetimeMs: () => lifetimeMs * (1 - lifetimeJitterRatio * random()),
    opened: (socket: Parameters<typeof attribute>[0]) => attribute(socket, tally),
  }
  return new Pool(plan.origin, {
    factory: (origin, clientOptions) => new AgingClient(origin, clientOptions, aging),
    connections: plan.connectionsMax,
    pipelining: plan.pipelining,
    keepAliveTimeout: plan.idleTimeoutMs,
    // What a server announces may shorten the idle time, not stretch it.
    keepAliveMaxTimeout: plan.idleTimeoutMs,
    keepAliveTimeoutThreshold: plan.idleMarginMs,
    headersTimeout: plan.headersTimeoutMs,
    bodyTimeout: plan.bodyTimeoutMs,
    maxHeaderSize: plan.headerBytesMax,
    maxResponseSize: plan.responseBytesMax,
    allowH2: false,
  })
}

async function send(dispatcher: Dispatcher, request: Dispatcher.RequestOptions): Promise<Dispatcher.ResponseData> {
  const signal = request.signal as AbortSignal | null | undefined
  const answer = dispatcher.request(request).catch((error: unknown) => {
    throw clientError(error)
  })
  return signal ? orAborted(answer, signal) : answer
}

/** undici notices an abort when the request leaves its queue; the caller shall not wait for that. */
function orAborted<A>(answer: Promise<A>, signal: AbortSignal): Promise<A> {
  const { promise, resolve, reject } = Promise.withResolvers<A>()
  const aborted = (): void => reject(signal.reason)
  if (signal.aborted) aborted()
  signal.addEventListener('abort', aborted, { once: true })
  void answer.then(resolve, reject).finally(() => signal.removeEventListener('abort', aborted))
  return promise
}
