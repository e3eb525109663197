import { errorBody, type HttpProblem } from '@qps/http-contract'
import { PreparedFields, type Response } from '@qps/http1'

/** The header fields of every answer that is JSON. */
export const json: PreparedFields = new PreparedFields({ 'content-type': 'application/json' })

/** The longest advice to a client that was refused. */
const retryAfterSMax = 5
/** One for each advice. */
const refusalFields = Array.from(
  { length: retryAfterSMax },
  (_, index) => new PreparedFields({ 'content-type': 'application/json', 'retry-after': String(index + 1) }),
)

/** Says no. An answer that is out already, or whose client has left, stays as it is. */
export function refuse(response: Response, status: number, code: string, message: string): void {
  const problem: HttpProblem = { status, code, message }
  if (!response.ended && !response.headersSent) response.writeHead(status, json).end(errorBody(problem))
}

/** 503 with advice: clients that were refused together must not return together. */
export function refuseForNow(response: Response, code: string, message: string): void {
  if (response.ended || response.headersSent) return
  const fields = refusalFields[Math.floor(Math.random() * retryAfterSMax)]!
  response.writeHead(503, fields).end(errorBody({ code, message }))
}
