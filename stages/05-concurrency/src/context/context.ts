import type { StageServer, StartVariant } from '@qps/console'
import { background } from '@qps/context'
import { QpsError } from '@qps/core'
import type { Handler, Request, Response } from '@qps/http1'
import type { SpanStore } from '@qps/tracing'
import { answerFailure } from '../failures.ts'
import { json, refuse } from '../problems.ts'
import { serveStage, stageRouter } from '../server.ts'
import { requestBudgetMs, requestBudgetMsMax } from './budgets.ts'
import type { Bought, Purchase } from './client.ts'
import { Gateway, parseOrder } from './gateway.ts'
import { checkoutPath, ordersPath, traceHeader } from './paths.ts'
import { createSpanStore, endTracers, serviceTracer } from './spans.ts'
import { Supervisor } from './supervisor.ts'
import { tracePage, traceView } from './trace-view.ts'

/** Beyond the client's own budget, until it is taken to be dead. */
const clientGraceMs = 1_000
/** Of a drain, for processes that have nothing more to do but to end. */
const endLimitMs = 1_000

/**
 * Five processes, and one request that goes through all of them:
 *
 *     client ──HTTP──► gateway ──HTTP──► auth
 *                         │
 *                         └────gRPC────► order ──message──► payment
 *                                          ◄────message──────┘
 *
 * This process is the gateway, and starts the others. Deadline, cancellation and trace pass over each arrow, in the headers that its
 * protocol has for them. What the processes record of a request comes together here.
 */
export const contextVariant: StartVariant = async (context) => {
  const spans = createSpanStore()
  const supervisor = new Supervisor({ onSpans: (ended) => ended.forEach((span) => spans.add(span)) })
  let gateway: Gateway | undefined
  let server: StageServer | undefined
  try {
    const [auth, order] = await Promise.all([
      supervisor.start({ role: 'auth', addresses: {} }),
      supervisor.start({ role: 'order', addresses: {} }),
    ])
    gateway = new Gateway(await serviceTracer('gateway', spans), auth['http']!, order['grpc']!)
    const router = stageRouter(context.given)
      .post(ordersPath, gateway.placeOrder)
      .post(checkoutPath, checkout(supervisor))
    server = await serveStage(context, router, [ordersPath, checkoutPath])
    await Promise.all([
      supervisor.start({ role: 'payment', addresses: { log: order['log']! } }),
      supervisor.start({ role: 'client', addresses: { gateway: server.url } }),
    ])
    return described(server, { spans, supervisor, auth, order }, async (limitMs) => {
      const endMs = Math.min(endLimitMs, limitMs / 2)
      const report = await server!.drain(limitMs - endMs)
      await gateway![Symbol.asyncDispose]()
      await supervisor.drain(endMs)
      await endTracers()
      return report
    })
  } catch (error) {
    await server?.drain(0)
    await gateway?.[Symbol.asyncDispose]()
    await supervisor.drain(0)
    throw error
  }
}

type Addresses = Readonly<Record<string, string>>

function described(
  server: StageServer,
  { spans, supervisor, auth, order }: { spans: SpanStore; supervisor: Supervisor; auth: Addresses; order: Addresses },
  drain: (limitMs: number) => ReturnType<StageServer['drain']>,
): StageServer {
  const processes = () => [
    { name: 'gateway', pid: process.pid, restarts: 0, counts: { traces: spans.size, spansDropped: spans.dropped } },
    ...supervisor.facts,
  ]
  return {
    ...server,
    notes: {
      ...server.notes,
      processes: processes()
        .map(({ name, pid }) => `${name} ${pid}`)
        .join(', '),
    },
    endpoints: {
      http: new URL(server.url).host,
      auth: new URL(auth['http']!).host,
      grpc: new URL(order['grpc']!).host,
    },
    pages: {
      '/processes': async () => ({ contentType: 'application/json', body: `${JSON.stringify(processes())}\n` }),
      '/traces': tracePage(spans),
    },
    views: [traceView(spans)],
    tries: [
      `curl -X POST ${server.url}${checkoutPath}`,
      `curl -i -d '{"paymentMs":5000}' ${server.url}${checkoutPath}`,
    ],
    drain: (limitMs = 5_000) => drain(limitMs),
  }
}

/** `POST /checkout`: has the client place an order, of the same form as `POST /orders` takes, and tells how it went. */
function checkout(supervisor: Supervisor): Handler {
  return async (request: Request, response: Response) => {
    const budgetMs = budgetOf(request)
    const body = await request.bytes()
    if (budgetMs === undefined || parseOrder(body) === undefined) {
      return refuse(
        response,
        400,
        'bad_checkout',
        'the body is empty or an order; x-request-timeout-ms is whole milliseconds',
      )
    }
    using patience = background().withTimeout(budgetMs + clientGraceMs)
    const purchase: Purchase = { body: Buffer.from(body).toString(), budgetMs }
    try {
      const bought = (await patience.race(supervisor.ask('client', purchase))) as Bought | { error: string }
      if ('error' in bought) throw new QpsError('QPS_PROCESS_GONE', bought.error)
      if (response.ended) return
      if (bought.trace !== '') response.setHeader(traceHeader, bought.trace)
      response.writeHead(bought.status, json).end(bought.body)
    } catch (error) {
      answerFailure(response, error)
    }
  }
}

/** How long the client is to wait. @returns undefined where the header is no budget. */
function budgetOf(request: Request): number | undefined {
  const text = request.header('x-request-timeout-ms')
  if (text === undefined) return requestBudgetMs
  return /^\d{1,9}$/.test(text) ? Math.min(Number(text), requestBudgetMsMax) : undefined
}
