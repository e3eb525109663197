import { background, type Context, injectHttp } from '@qps/context'
import { messageOf } from '@qps/core'
import { createDispatcher, type Dispatcher } from '@qps/http1'
import { reserveMs } from './budgets.ts'
import { ordersPath } from './paths.ts'
import { addressOf, type ProcessSetup, type Role } from './process.ts'
import { beginSpan, serviceTracer } from './spans.ts'

/** What the client is asked to buy. */
export interface Purchase {
  /** The body of `POST /orders`. */
  body: string
  budgetMs: number
}

/** How it went. */
export interface Bought {
  status: number
  body: string
  trace: string
}

/** The client: what a browser or an app would be. It begins the trace, and the budget is its patience. */
export async function start({ addresses }: ProcessSetup): Promise<Role> {
  const tracer = await serviceTracer('client')
  const gateway = createDispatcher({ origin: addressOf(addresses['gateway']!) })
  const counts = { bought: 0, failed: 0 }

  async function buy({ body, budgetMs }: Purchase): Promise<Bought> {
    using context = background().withTimeout(budgetMs)
    using span = beginSpan(tracer, context, 'checkout', 'client')
    const trace = span.context.trace?.traceId ?? ''
    try {
      const answer = await post(gateway, body, span.context)
      if (answer.status === 200) counts.bought++
      else span.fail(new Error(`the gateway answered ${answer.status}`))
      return { ...answer, trace }
    } catch (error) {
      counts.failed++
      span.fail(error)
      const message = messageOf(context.reason ?? error)
      return { status: 504, body: JSON.stringify({ error: { code: 'gave_up', message } }), trace }
    }
  }

  return {
    addresses: {},
    counts: () => counts,
    answer: (question) => buy(question as Purchase),
    drain: () => gateway.destroy(),
  }
}

async function post(gateway: Dispatcher, body: string, context: Context): Promise<{ status: number; body: string }> {
  const headers = injectHttp(context, { 'content-type': 'application/json' }, { reserveMs }) as Record<string, string>
  const answer = await gateway.request({ method: 'POST', path: ordersPath, headers, body, signal: context.signal })
  return { status: answer.status, body: await answer.text() }
}
