import { METHODS } from 'node:http'
import { plaintext, statusBody, surface, type SurfaceAnswer } from '@qps/http-contract'
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { readBody, sliced } from './body.ts'
import { sendText } from './fastify-errors.ts'
import { echoType } from './surface.ts'
import type { SurfaceAppOptions } from './surface-app.ts'

/** Adds the contract's routes to a Fastify application, in a context of their own. */
export function addSurface(app: FastifyInstance, { limits, clock, refuseBody }: SurfaceAppOptions): void {
  // The methods that Fastify does not route by itself, and QUERY, of which it wants a Content-Type. They are declared
  // without a body: an echo reads its own.
  for (const method of METHODS) {
    if (method === 'QUERY' || !app.supportedMethods.includes(method))
      app.addHttpMethod(method, { overrideExisting: true })
  }

  const echo = (request: FastifyRequest, reply: FastifyReply): void => {
    readBody(request.raw, limits.bodyBytesMax, (body) => {
      if (body === undefined) {
        reply.hijack()
        return refuseBody(request.raw, reply.raw)
      }
      reply.code(200).header('content-type', echoType(request.raw))
      if (body.length <= limits.sliceBytes) reply.send(body)
      else reply.header('content-length', body.length).send(sliced(body, limits.sliceBytes))
    })
  }
  const answers: Record<SurfaceAnswer, (request: FastifyRequest, reply: FastifyReply) => void> = {
    status: (_request, reply) => sendText(reply, 'application/json', statusBody(clock.wallMs())),
    plaintext: (_request, reply) => sendText(reply, 'text/plain', plaintext),
    echo,
  }

  app.register(async (context) => {
    context.removeAllContentTypeParsers()
    context.addContentTypeParser('*', (_request, _payload, done) => done(null))
    for (const { path, methods, answer } of surface) {
      context.route({ url: path, method: [...methods], handler: answers[answer], errorHandler: echoAnyway(echo) })
    }
  })
}

/** To an echo a Content-Type that nobody can parse is still only a label: Fastify's 415 does not apply. */
function echoAnyway(echo: (request: FastifyRequest, reply: FastifyReply) => void) {
  return (error: FastifyError, request: FastifyRequest, reply: FastifyReply): void => {
    if (error.code !== 'FST_ERR_CTP_INVALID_MEDIA_TYPE') throw error
    echo(request, reply)
  }
}
