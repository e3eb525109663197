import { invariant } from '@qps/core'
import { errorBody, methods, problems } from '@qps/http-contract'
import { PreparedFields } from './fields.ts'
import type { Request } from './request.ts'
import type { Response } from './response.ts'
import type { Handler } from './server.ts'

const json = new PreparedFields({ 'content-type': 'application/json' })
const notFoundBody = errorBody(problems.notFound)
const methodNotAllowedBody = errorBody(problems.methodNotAllowed)

/** One pattern's handlers, by index of the method. */
class Route {
  readonly pattern: string
  readonly handlers: (Handler | undefined)[] = []
  /** The value of Allow, with its fields encoded. */
  allow: PreparedFields = json
  readonly #allowed: string[] = []

  constructor(pattern: string) {
    this.pattern = pattern
  }

  add(method: string, handler: Handler): void {
    const index = methods.indexOf(method)
    invariant(index !== -1, `${method} is a method`)
    invariant(this.handlers[index] === undefined, `${method} ${this.pattern} has one handler`)
    this.handlers[index] = handler
    this.#allowed.push(method)
    this.allow = new PreparedFields({ 'content-type': 'application/json', allow: this.#allowed.join(', ') })
  }
}

/** A segment of the paths with parameters. A fixed segment wins over a parameter. */
class Segment {
  readonly children = new Map<string, Segment>()
  parameter: { name: string; segment: Segment } | undefined
  route: Route | undefined
}

/**
 * Finds the handler for a path and a method. A fixed path is one look into a Map, whose key is a string that exists
 * already for paths asked for lately; a path with parameters is a walk, one Map per segment.
 *
 * An unknown path is answered with 404, another method with 405 and Allow. HEAD is a method like any other here.
 *
 * @example
 * const router = new Router().get('/', home).get('/users/:id', user).post('/echo', echo)
 * await serve({ port: 8080 }, router.handler)
 */
export class Router {
  readonly #fixed = new Map<string, Route>()
  readonly #root = new Segment()
  #hasParameters = false

  /** Give this to `serve`. */
  readonly handler: Handler = (request, response) => this.#handle(request, response)

  get(path: string, handler: Handler): this {
    return this.on(['GET'], path, handler)
  }

  post(path: string, handler: Handler): this {
    return this.on(['POST'], path, handler)
  }

  /**
   * @param path begins with `/`; a segment `:name` is a parameter, found in `request.params.name`, percent-decoded.
   */
  on(names: readonly string[], path: string, handler: Handler): this {
    invariant(path.startsWith('/'), `a path begins with /, not ${path}`)
    const route = path.includes('/:') ? this.#parametric(path) : this.#fixedRoute(path)
    for (const name of names) route.add(name, handler)
    return this
  }

  #handle(request: Request, response: Response): void | Promise<void> {
    const { path } = request
    const route = this.#fixed.get(path) ?? (this.#hasParameters ? this.#walk(path, request) : undefined)
    if (route === undefined) {
      response.writeHead(404, json).end(notFoundBody)
      return undefined
    }
    request.route = route.pattern
    const handler = route.handlers[request.methodIndex]
    if (handler !== undefined) return handler(request, response)
    response.writeHead(405, route.allow).end(methodNotAllowedBody)
    return undefined
  }

  #fixedRoute(path: string): Route {
    let route = this.#fixed.get(path)
    if (route === undefined) this.#fixed.set(path, (route = new Route(path)))
    return route
  }

  #parametric(path: string): Route {
    this.#hasParameters = true
    let segment = this.#root
    for (const part of path.slice(1).split('/')) {
      if (part.startsWith(':')) {
        segment.parameter ??= { name: part.slice(1), segment: new Segment() }
        invariant(segment.parameter.name === part.slice(1), `one name per place: ${part} in ${path}`)
        segment = segment.parameter.segment
      } else {
        const next = segment.children.get(part) ?? new Segment()
        segment.children.set(part, next)
        segment = next
      }
    }
    return (segment.route ??= new Route(path))
  }

  #walk(path: string, request: Request): Route | undefined {
    const params = Object.create(null) as Record<string, string>
    let segment = this.#root
    let start = 1
    for (;;) {
      const slash = path.indexOf('/', start)
      const part = path.slice(start, slash === -1 ? undefined : slash)
      const fixed = segment.children.get(part)
      if (fixed !== undefined) segment = fixed
      else if (segment.parameter !== undefined && part !== '') {
        const value = decoded(part)
        if (value === undefined) return undefined
        params[segment.parameter.name] = value
        segment = segment.parameter.segment
      } else return undefined
      if (slash === -1) break
      start = slash + 1
    }
    if (segment.route !== undefined) request.params = params
    return segment.route
  }
}

/** @returns undefined where an escape is broken: no such path. */
function decoded(part: string): string | undefined {
  try {
    return decodeURIComponent(part)
  } catch {
    return undefined
  }
}
