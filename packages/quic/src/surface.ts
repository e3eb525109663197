import { QpsError } from '@qps/core'
import { echoTypeOf, type HttpProblem, plaintext, refusals, statusBody, surfaceAnswer } from '@qps/http-contract'
import type { Exchange } from './server/exchange.ts'
import type { Http3Handler } from './server/http3-server.ts'

/** Why a body is not taken, and what is said of it. */
const bodyProblems: Readonly<Record<string, HttpProblem>> = {
  QPS_QUIC_BODY: refusals.body,
  QPS_QUIC_ROOM: { status: 503, code: 'busy', message: 'the server holds as many bodies as it may; ask again' },
}

/** The HTTP surface that every variant of every stage answers, over HTTP/3. */
export const surfaceHandler: Http3Handler = (exchange) => {
  const answer = surfaceAnswer(exchange.method, exchange.path)
  if (typeof answer === 'object') return exchange.refuse(answer.problem, answer.fields)
  if (answer === 'echo') return echo(exchange)
  if (answer === 'status') exchange.respond(200, [['content-type', 'application/json']], statusBody(Date.now()))
  else exchange.respond(200, [['content-type', 'text/plain']], plaintext)
  return undefined
}

async function echo(exchange: Exchange): Promise<void> {
  try {
    const body = await exchange.collect()
    exchange.respond(200, [['content-type', echoTypeOf(exchange.field('content-type'))]], body)
  } catch (error) {
    const problem = error instanceof QpsError ? bodyProblems[error.code] : undefined
    if (problem !== undefined) return exchange.refuse(problem, problem.status === 503 ? [['retry-after', '1']] : [])
    // A client that left is nobody to answer.
    if (!exchange.isOver) throw error
  }
}
