import { type Context, extractGrpc, injectMessage } from '@qps/context'
import { QpsError } from '@qps/core'
import { createGrpcServer, GrpcError, GrpcStatus, type UnarySurface } from '@qps/grpc'
import { listenOnNetpoll } from '@qps/grpc/netpoll'
import type { Tracer } from '@qps/tracing'
import { randomUUID } from 'node:crypto'
import { type LogRecord, MessageLog } from '../log/message-log.ts'
import { serveLog } from '../log/log-server.ts'
import { requestBudgetMs, requestBudgetMsMax, reserveMs } from './budgets.ts'
import {
  cancelHeader,
  orderDefinition,
  type OrderReply,
  type OrderRequest,
  type PaymentRequest,
  paymentsTopic,
  repliesTopic,
} from './order-service.ts'
import { ownHost, type ProcessSetup, type Role } from './process.ts'
import { beginSpan, serviceTracer } from './spans.ts'

/** Orders whose payment is awaited. One more is refused: it would only wait behind them. */
export const pendingMax = 1_024

/**
 * The order service: gRPC in front, a log of messages behind. It also keeps the log, in the place of a broker, so that the message
 * hop needs no sixth process.
 */
export async function start({ ports }: ProcessSetup): Promise<Role> {
  const log = new MessageLog([paymentsTopic, repliesTopic])
  const orders = new Orders(log, await serviceTracer('order'))
  const server = createGrpcServer()
  server.addService(orderDefinition, {
    place: (call: UnarySurface<OrderRequest>, reply: (error: unknown, value?: OrderReply) => void): void => {
      orders.place(call).then(
        (value) => reply(null, value),
        (error: unknown) => reply(statusOf(error)),
      )
    },
  })
  const logServer = await serveLog(log, { host: ownHost, port: ports?.['log'] ?? 0 })
  const { url } = await listenOnNetpoll(server, { host: ownHost, port: ports?.['grpc'] ?? 0 })
  return {
    addresses: { grpc: url, log: `tcp://${ownHost}:${logServer.port}` },
    counts: () => ({ ...orders.counts, pending: orders.pending, logDepth: log.depth(paymentsTopic) }),
    async drain(limitMs) {
      await server.close(limitMs)
      await logServer.close()
    },
  }
}

class Orders {
  readonly counts = { placed: 0, failed: 0 }
  readonly #log: MessageLog
  readonly #tracer: Tracer
  /** By order. */
  readonly #pending = new Map<string, () => void>()

  constructor(log: MessageLog, tracer: Tracer) {
    this.#log = log
    this.#tracer = tracer
    log.subscribe(repliesTopic, ({ key, partition, offset }: LogRecord) => {
      // For an order that nobody waits for any more there is nothing to do.
      this.#pending.get(key)?.()
      log.commit(repliesTopic, partition, offset + 1)
    })
  }

  get pending(): number {
    return this.#pending.size
  }

  async place(call: UnarySurface<OrderRequest>): Promise<OrderReply> {
    const deadlineMs = call.getDeadline()
    const budgetMs = deadlineMs === Infinity ? requestBudgetMs : Math.max(0, deadlineMs - Date.now())
    using context = extractGrpc(call.metadata, { budgetMs, budgetMsMax: requestBudgetMsMax }).withCancel()
    call.on('cancelled', () => context.cancel('the caller has cancelled'))
    using span = beginSpan(this.#tracer, context, 'shop.Orders/Place', 'server')
    try {
      const order = randomUUID()
      await this.#pay(order, call.request, span.context)
      this.counts.placed++
      return { order }
    } catch (error) {
      this.counts.failed++
      span.fail(error)
      throw error
    }
  }

  /** Appends a message and waits for the one that answers it, as long as the context lasts. */
  async #pay(order: string, { paymentMs }: OrderRequest, context: Context): Promise<void> {
    context.throwIfEnded()
    if (this.#pending.size >= pendingMax) throw new GrpcError(GrpcStatus.RESOURCE_EXHAUSTED, 'too many orders wait')
    const paid = Promise.withResolvers<void>()
    this.#pending.set(order, paid.resolve)
    try {
      const headers = injectMessage(context, {}, { reserveMs }) as Record<string, string>
      const value: PaymentRequest = { paymentMs }
      this.#log.append(paymentsTopic, { key: order, headers, value: JSON.stringify(value) })
      await context.race(paid.promise)
    } catch (error) {
      this.#callOff(order)
      throw error
    } finally {
      this.#pending.delete(order)
    }
  }

  /** A message cannot be taken back, but one behind it can say so: both have the same key, so their order is kept. */
  #callOff(order: string): void {
    try {
      this.#log.append(paymentsTopic, { key: order, headers: { [cancelHeader]: '1' }, value: '' })
    } catch {
      // A full log: the budget in the message's own headers ends the payment then.
    }
  }
}

/** Our failures as gRPC's statuses. */
function statusOf(error: unknown): unknown {
  if (!(error instanceof QpsError)) return error
  if (error.code === 'QPS_DEADLINE') return new GrpcError(GrpcStatus.DEADLINE_EXCEEDED, error.message)
  if (error.code === 'QPS_CANCELLED') return new GrpcError(GrpcStatus.CANCELLED, error.message)
  return error.retryable ? new GrpcError(GrpcStatus.RESOURCE_EXHAUSTED, error.message) : error
}
