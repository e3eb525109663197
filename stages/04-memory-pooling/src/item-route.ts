import { errorBody, type HttpProblem, problems, refusals } from '@qps/http-contract'
import { contractRouter, PreparedFields, type Request, type Response, type Router } from '@qps/http1'
import type { Catalogue } from './catalogue.ts'
import { malformedId, parseItemId } from './item-id.ts'

export const itemPath = '/items/:id'

/** Answers GET and HEAD of an item that exists. To HEAD it gives the same content: the server leaves it out. */
export type AnswerItem = (id: number, request: Request, response: Response) => void

/** The header fields of every item and every problem. */
export const json: PreparedFields = new PreparedFields({ 'content-type': 'application/json' })

const unknown: HttpProblem = { ...problems.notFound, message: 'no such item' }
const malformed: HttpProblem = {
  status: refusals.malformed.status,
  code: refusals.malformed.code,
  message: 'an item id is a decimal number of at most 10 digits, without zeros in front',
}

/** The surface of the contract, and `GET /items/:id` on top of it. */
export function itemRouter(catalogue: Catalogue, answer: AnswerItem): Router {
  const isUnknown = problemAnswer(unknown)
  const isMalformed = problemAnswer(malformed)
  return contractRouter().on(['GET', 'HEAD'], itemPath, (request, response) => {
    const id = parseItemId(request.params['id']!)
    if (id === malformedId) isMalformed(response)
    else if (catalogue.has(id)) answer(id, request, response)
    else isUnknown(response)
  })
}

/**
 * An answer that says no, encoded once.
 *
 * @param fields beside the content type.
 */
export function problemAnswer(problem: HttpProblem, fields: PreparedFields = json): (response: Response) => void {
  const body = errorBody(problem)
  return (response) => response.writeHead(problem.status, fields).end(body)
}
