import { type Context, extractHttp, injectGrpc, injectHttp } from '@qps/context'
import { QpsError } from '@qps/core'
import { createGrpcClient, type GrpcClient, GrpcError, GrpcStatus, Metadata } from '@qps/grpc'
import { createDispatcher, type Dispatcher, type Request, type Response } from '@qps/http1'
import type { Tracer } from '@qps/tracing'
import { clientSignal } from '../client-signal.ts'
import { answerFailure } from '../failures.ts'
import { refuse } from '../problems.ts'
import { authBudgetMs, requestBudgetMs, requestBudgetMsMax, reserveMs } from './budgets.ts'
import { orderDefinition, type OrderReply, type OrderRequest } from './order-service.ts'
import { customerPath, ordersPath, traceHeader } from './paths.ts'
import { addressOf } from './process.ts'
import { beginSpan } from './spans.ts'

/** A body of `POST /orders`. */
const orderBytesMax = 4_096
/** What a payment may be asked to take: longer than any budget. */
const paymentMsMax = 60_000
const paymentMsDefault = 20

/**
 * The gateway: what the outside sees. A request gets its budget here, and everything that it leads to has less:
 *
 *     POST /orders, 1000 ms
 *       ├─ auth    GET /customer            HTTP, at most 500 ms
 *       └─ order   shop.Orders/Place        gRPC, what is left less 20 ms
 *            └─ payment                     a message, what is left less 20 ms
 *
 * A client that leaves ends all of them.
 */
export class Gateway implements AsyncDisposable {
  readonly #tracer: Tracer
  readonly #auth: Dispatcher
  readonly #orders: GrpcClient

  constructor(tracer: Tracer, auth: string, orders: string) {
    this.#tracer = tracer
    this.#auth = createDispatcher({ origin: addressOf(auth), retryOnReset: true })
    this.#orders = createGrpcClient({ origin: orders })
  }

  readonly placeOrder = async (request: Request, response: Response): Promise<void> => {
    const headers = request.rawHeaders().flat()
    const credentials = request.header('authorization')
    const body = await request.bytes()
    const wanted = parseOrder(body)
    if (wanted === undefined) {
      return refuse(response, 400, 'bad_order', 'the body is empty, or {"item": a name, "paymentMs": a number}')
    }
    const budgets = { budgetMs: requestBudgetMs, budgetMsMax: requestBudgetMsMax }
    using context = extractHttp(headers, budgets).withCancel(clientSignal(response))
    using span = beginSpan(this.#tracer, context, `POST ${ordersPath}`, 'server')
    const { trace } = span.context
    if (trace !== undefined && !response.ended) response.setHeader(traceHeader, trace.traceId)
    try {
      const customer = await this.#customer(credentials, span.context)
      if (customer === undefined) return refuse(response, 401, 'unauthorized', 'the credentials are not valid')
      const { order } = await this.#order({ ...wanted, customer }, span.context)
      response.json({ order, customer, item: wanted.item, trace: trace?.traceId })
    } catch (error) {
      // What a call failed with may only be how it heard that the time is over.
      const reason = context.reason ?? error
      span.fail(reason)
      answerFailure(response, reason)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#auth.destroy(), this.#orders.close(0)])
  }

  async #customer(credentials: string | undefined, context: Context): Promise<string | undefined> {
    using call = context.withTimeout(authBudgetMs)
    const headers = injectHttp(call, credentials === undefined ? {} : { authorization: credentials }, { reserveMs })
    const answer = await this.#auth.request({
      path: customerPath,
      headers: headers as Record<string, string>,
      signal: call.signal,
    })
    const text = await answer.text()
    if (answer.status === 401) return undefined
    if (answer.status === 200) return (JSON.parse(text) as { customer: string }).customer
    throw upstreamError(`auth answered ${answer.status}`)
  }

  async #order(order: OrderRequest, context: Context): Promise<OrderReply> {
    context.throwIfEnded()
    const options = {
      metadata: injectGrpc(context, new Metadata(), { reserveMs }),
      timeoutMs: Math.max(0, context.remainingMs() - reserveMs),
      signal: context.signal,
    }
    return this.#orders.unary(orderDefinition.place, order, options).catch((error: unknown) => {
      throw failureOf(error)
    })
  }
}

/** What gRPC's statuses mean to us. */
function failureOf(error: unknown): unknown {
  if (!(error instanceof GrpcError)) return error
  if (error.code === GrpcStatus.DEADLINE_EXCEEDED) return new QpsError('QPS_DEADLINE', `order: ${error.details}`)
  if (error.code === GrpcStatus.CANCELLED) return new QpsError('QPS_CANCELLED', `order: ${error.details}`)
  const isBusy = error.code === GrpcStatus.RESOURCE_EXHAUSTED || error.code === GrpcStatus.UNAVAILABLE
  return isBusy ? upstreamError(`order: ${error.details}`) : error
}

function upstreamError(what: string): QpsError {
  return new QpsError('QPS_UPSTREAM', what, { retryable: true, hint: 'ask again in a moment' })
}

/** @returns undefined for what is no order. */
export function parseOrder(body: Uint8Array): { item: string; paymentMs: number } | undefined {
  if (body.length === 0) return { item: 'teapot', paymentMs: paymentMsDefault }
  if (body.length > orderBytesMax) return undefined
  let given: unknown
  try {
    given = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch {
    return undefined
  }
  if (typeof given !== 'object' || given === null) return undefined
  const { item = 'teapot', paymentMs = paymentMsDefault } = given as { item?: unknown; paymentMs?: unknown }
  if (typeof item !== 'string' || item.length > 100) return undefined
  if (typeof paymentMs !== 'number' || !(paymentMs >= 0 && paymentMs <= paymentMsMax)) return undefined
  return { item, paymentMs }
}
