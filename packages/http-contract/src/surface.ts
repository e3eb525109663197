import { type HttpProblem, problems } from './errors.ts'
import { methods } from './methods.ts'

/** What a route of the surface answers with. */
export type SurfaceAnswer = 'status' | 'plaintext' | 'echo'

export interface SurfaceRoute {
  path: string
  methods: readonly string[]
  answer: SurfaceAnswer
}

/** CONNECT asks for a tunnel, not for a resource: Node gives it an event of its own, no route. */
const anyMethod = methods.filter((method) => method !== 'CONNECT')

/** The HTTP surface that every variant of every stage answers, as a table. */
export const surface: readonly SurfaceRoute[] = [
  { path: '/', methods: ['GET', 'HEAD'], answer: 'status' },
  { path: '/', methods: ['POST', 'PUT', 'PATCH', 'DELETE'], answer: 'echo' },
  { path: '/echo', methods: anyMethod, answer: 'echo' },
  { path: '/plaintext', methods: ['GET', 'HEAD'], answer: 'plaintext' },
]

export const plaintext = 'Hello, World!'

let statusMs = -1
let statusText = ''

/**
 * `{"status":"ok","ts":…}` without `JSON.stringify`: its two fields need no escaping. A busy server answers many requests
 * in the same millisecond: they share one string.
 */
export function statusBody(wallMs: number): string {
  if (wallMs !== statusMs) {
    statusMs = wallMs
    statusText = `{"status":"ok","ts":${wallMs}}`
  }
  return statusText
}

/** `type/subtype`, then perhaps parameters (RFC 9110 section 8.3.1). */
const mediaType = /^[\w!#$%&'*+.^`|~-]+\/[\w!#$%&'*+.^`|~-]+[ \t]*(?:;|$)/

/**
 * The type that an echo carries: the one it was sent with, where that is a media type at all.
 *
 * @param type the value of the request's Content-Type; undefined where it has none.
 */
export function echoTypeOf(type: string | undefined): string {
  return type !== undefined && mediaType.test(type) ? type : 'application/octet-stream'
}

/** The surface by path, then by method: no path reaches a prototype. The methods of a path are its `Allow`. */
const routes = new Map<string, Map<string, SurfaceAnswer>>()
for (const { path, methods, answer } of surface) {
  const byMethod = routes.get(path) ?? new Map<string, SurfaceAnswer>()
  for (const method of methods) byMethod.set(method, answer)
  routes.set(path, byMethod)
}

/**
 * The path of a request target, without query and fragment. The absolute form (`GET http://host/path`), which a server
 * must accept (RFC 9112 section 3.2.2), loses its scheme and authority. Linear in the target's length.
 */
export function routePath(target: string): string {
  let start = 0
  if (target.charCodeAt(0) !== 47 /* / */) {
    const authority = target.indexOf('://')
    const slash = authority === -1 ? -1 : target.indexOf('/', authority + 3)
    if (slash === -1) return authority === -1 ? target : '/'
    start = slash
  }
  for (let index = start; index < target.length; index++) {
    const unit = target.charCodeAt(index)
    if (unit === 63 /* ? */ || unit === 35 /* # */) return target.slice(start, index)
  }
  return start === 0 ? target : target.slice(start)
}

/** An answer of the surface that says no. */
export interface SurfaceRefusal {
  readonly problem: HttpProblem
  /** What its head says beside: `allow` where the path takes other methods. */
  readonly fields: readonly (readonly [name: string, value: string])[]
}

const noSuchPath: SurfaceRefusal = { problem: problems.notFound, fields: [] }
const otherMethods: ReadonlyMap<string, SurfaceRefusal> = new Map(
  [...routes].map(([path, byMethod]): [string, SurfaceRefusal] => {
    const allow = [...byMethod.keys()].join(', ')
    return [path, { problem: problems.methodNotAllowed, fields: [['allow', allow]] }]
  }),
)

/**
 * What the surface has for a request, of any protocol: look-ups in tables, and no more. The refusals are always the same
 * objects.
 *
 * @param target as it was sent, with a query or in absolute form.
 * @example
 * const answer = surfaceAnswer('DELETE', '/plaintext?x=1')
 * if (typeof answer === 'object') refuse(answer.problem, answer.fields) // 405, with allow: GET, HEAD
 */
export function surfaceAnswer(method: string, target: string): SurfaceAnswer | SurfaceRefusal {
  const path = routePath(target)
  const byMethod = routes.get(path)
  return byMethod === undefined ? noSuchPath : (byMethod.get(method) ?? otherMethods.get(path)!)
}
