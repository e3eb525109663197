import { echoTypeOf, plaintext, statusBody, surface, type SurfaceAnswer } from '@qps/http-contract'
import { PreparedFields } from './fields.ts'
import { Router } from './router.ts'
import type { Handler } from './server.ts'

const json = new PreparedFields({ 'content-type': 'application/json' })
const text = new PreparedFields({ 'content-type': 'text/plain' })
const octets = new PreparedFields({ 'content-type': 'application/octet-stream' })

const answers: Record<SurfaceAnswer, Handler> = {
  status: (_request, response) => response.writeHead(200, json).end(statusBody(Date.now())),
  plaintext: (_request, response) => response.writeHead(200, text).end(plaintext),
  echo: async (request, response) => {
    const sent = request.header('content-type')
    const body = await request.bytes()
    const type = echoTypeOf(sent)
    response.writeHead(200, type === 'application/octet-stream' ? octets : { 'content-type': type }).end(body)
  },
}

/** The HTTP surface that every variant of every stage answers, as a router. More routes may be added. */
export function contractRouter(): Router {
  const router = new Router()
  for (const { path, methods, answer } of surface) router.on(methods, path, answers[answer])
  return router
}
