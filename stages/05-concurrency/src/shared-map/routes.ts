import { type Handler, PreparedFields, type Request, type Response, type Router } from '@qps/http1'
import { answerFailure } from '../failures.ts'
import { json, refuse } from '../problems.ts'
import { sessionBytesMax, type ShopMaps } from './shop-maps.ts'

export const sessionsPath = '/sessions/:id'
export const countersPath = '/counters/:name'

const octets = new PreparedFields({ 'content-type': 'application/octet-stream' })
const keyAllowed = /^[\w-]{1,64}$/

/**
 * A service whose state is in the maps, so that it does not matter which thread a request comes to:
 *
 *     PUT /sessions/:id        keeps the body
 *     GET, DELETE              gives it, forgets it
 *     POST /counters/:name     adds one and answers the sum; GET reads it
 *
 * Every one of them is a single operation on a map, and none waits: a handler answers before it returns, but for the body.
 */
export function addShopRoutes(router: Router, { sessions, counters }: ShopMaps): Router {
  return router
    .on(
      ['PUT'],
      sessionsPath,
      keyed('id', async (id, request, response) => {
        const bytes = await request.bytes()
        if (bytes.length > sessionBytesMax) {
          return refuse(response, 413, 'session_too_large', `a session has at most ${sessionBytesMax} bytes`)
        }
        sessions.set(id, bytes)
        response.writeHead(204).end()
      }),
    )
    .on(
      ['GET', 'HEAD'],
      sessionsPath,
      keyed('id', (id, _request, response) => {
        const bytes = sessions.get(id)
        if (bytes === undefined) refuse(response, 404, 'no_session', 'there is no such session')
        else response.writeHead(200, octets).end(bytes)
      }),
    )
    .on(
      ['DELETE'],
      sessionsPath,
      keyed('id', (id, _request, response) => {
        if (sessions.delete(id)) response.writeHead(204).end()
        else refuse(response, 404, 'no_session', 'there is no such session')
      }),
    )
    .on(
      ['POST'],
      countersPath,
      keyed('name', (name, _request, response) => {
        // In one step, whatever other threads do: no increment is lost, and no two are answered the same sum.
        const sum = counters.update(name, (before = 0) => before + 1)
        response.writeHead(200, json).end(`{"count":${sum}}`)
      }),
    )
    .on(
      ['GET', 'HEAD'],
      countersPath,
      keyed('name', (name, _request, response) => {
        response.writeHead(200, json).end(`{"count":${counters.get(name) ?? 0}}`)
      }),
    )
}

type KeyedHandler = (key: string, request: Request, response: Response) => void | Promise<void>

/**
 * With the key that stands in the path. A map that is full is answered with 503: no request, however many keys its clients
 * invent, takes more memory than was declared.
 */
function keyed(parameter: string, handler: KeyedHandler): Handler {
  return async (request, response) => {
    const key = request.params[parameter]!
    if (!keyAllowed.test(key)) return refuse(response, 400, 'bad_key', 'a key is 1 to 64 of A-Z, a-z, 0-9, _ and -')
    try {
      await handler(key, request, response)
    } catch (error) {
      answerFailure(response, error)
    }
  }
}
