import { extractHttp } from '@qps/context'
import { PreparedFields, Router, serve } from '@qps/http1'
import { refuse } from '../problems.ts'
import { authBudgetMs, requestBudgetMsMax } from './budgets.ts'
import { customerPath } from './paths.ts'
import { ownHost, type ProcessSetup, type Role } from './process.ts'
import { beginSpan, serviceTracer } from './spans.ts'

const json = new PreparedFields({ 'content-type': 'application/json' })
/** A stand-in for a signature that is checked. */
const bearer = /^Bearer ([a-z]{1,32})$/

/** The authentication service: HTTP. It says who a bearer is; who bears nothing is a guest. */
export async function start({ ports }: ProcessSetup): Promise<Role> {
  const tracer = await serviceTracer('auth')
  const counts = { answered: 0, refused: 0 }
  const router = new Router().get(customerPath, (request, response) => {
    const budgets = { budgetMs: authBudgetMs, budgetMsMax: requestBudgetMsMax }
    using context = extractHttp(request.rawHeaders().flat(), budgets)
    using _span = beginSpan(tracer, context, `GET ${customerPath}`, 'server')
    const credentials = request.header('authorization')
    const customer = credentials === undefined ? 'guest' : bearer.exec(credentials)?.[1]
    if (customer === undefined) {
      counts.refused++
      return refuse(response, 401, 'unauthorized', 'this is no bearer of ours')
    }
    counts.answered++
    response.writeHead(200, json).end(JSON.stringify({ customer }))
  })
  const serving = await serve({ host: ownHost, port: ports?.['http'] ?? 0 }, router.handler)
  return {
    addresses: { http: serving.url },
    counts: () => counts,
    drain: async (limitMs) => void (await serving.drain(limitMs)),
  }
}
