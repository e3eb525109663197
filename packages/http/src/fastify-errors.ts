import { errorBody, type HttpProblem, problems, routePath } from '@qps/http-contract'
import type { FastifyError, FastifyInstance, FastifyReply } from 'fastify'
import type { RefuseBody } from './surface-app.ts'

/**
 * Gives Fastify's errors the shape of the contract: 404, 405 with Allow, a handler's 4xx with its own message, and 500
 * with nothing of the cause, which goes to the log.
 */
export function answerErrors(app: FastifyInstance, refuseBody: RefuseBody): void {
  const methodsByPath = new Map<string, Set<string>>()
  app.addHook('onRoute', ({ url, method }) => {
    const methods = methodsByPath.get(url) ?? new Set()
    for (const name of [method].flat()) methods.add(name)
    methodsByPath.set(url, methods)
  })
  app.setNotFoundHandler((request, reply) => {
    const methods = methodsByPath.get(routePath(request.raw.url!))
    if (methods === undefined) return answerNotFound(reply)
    reply.header('allow', [...methods].join(', '))
    sendProblem(reply, problems.methodNotAllowed)
  })
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const { statusCode = 500 } = error
    if (statusCode === 413) {
      reply.hijack()
      refuseBody(request.raw, reply.raw)
    } else if (statusCode >= 400 && statusCode < 500) {
      sendProblem(reply, { status: statusCode, code: error.code ?? 'bad_request', message: error.message })
    } else {
      app.log.error({ err: error, method: request.method, url: request.raw.url }, 'request failed')
      sendProblem(reply, problems.internal)
    }
  })
}

export function answerNotFound(reply: FastifyReply): void {
  sendProblem(reply, problems.notFound)
}

/**
 * Sends text with exactly this type: the serializer is there because Fastify adds a charset to JSON without one, which
 * JSON does not have (RFC 8259 section 11).
 */
export function sendText(reply: FastifyReply, type: string, text: string): void {
  reply.header('content-type', type).serializer(asIs).send(text)
}

function sendProblem(reply: FastifyReply, problem: HttpProblem): void {
  sendText(reply.code(problem.status), 'application/json', errorBody(problem))
}

function asIs(text: unknown): string {
  return text as string
}
