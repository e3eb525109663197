import {
  type Exchange,
  type Http3Handler,
  quicAvailability,
  type RunningHttp3,
  serveHttp3,
  type ServeHttp3Options,
} from '@qps/quic'
import { createAuthority } from '@qps/tls'
import { describe } from 'vitest'

/** Where the binary is missing there is nothing to load; in CI it must be there. */
const quic = quicAvailability()
if (!quic.available && process.env['REAL_SERVICES'] === 'required') throw new Error(quic.reason)

/** For tests that need quiche. */
export const withQuic: typeof describe.skip = quic.available ? describe : describe.skip

export const authority: ReturnType<typeof createAuthority> = createAuthority()
export const credentials: { key: string; cert: string } = authority.issue({ hosts: ['127.0.0.1', 'localhost'] })
/** One's own authority, and loads that are over soon. */
export const short = { protocol: 'h3', durationS: 0.4, connections: 4, ca: authority.cert } as const

type ServerSession = RunningHttp3['server']['sessions'] extends Set<infer Session> ? Session : never

export interface TestHttp3 extends AsyncDisposable {
  url: string
  running: RunningHttp3
}

/** The server of @qps/quic on a free port. */
export async function serveTest(handler: Http3Handler, options: Partial<ServeHttp3Options> = {}): Promise<TestHttp3> {
  const running = await serveHttp3({ port: 0, ...credentials, onError: () => {}, ...options }, handler)
  return {
    url: `https://127.0.0.1:${running.port}/`,
    running,
    [Symbol.asyncDispose]: async () => void (await running.drain(0)),
  }
}

/** Answers with `hello`, and its length. */
export const helloHttp3: Http3Handler = (exchange) => exchange.respond(200, [['content-type', 'text/plain']], 'hello')

/** The session that a request came by. */
export function sessionOf({ running }: TestHttp3, exchange: Exchange): ServerSession {
  return [...running.server.sessions].find(({ open }) => open.get(exchange.streamId) === exchange)!
}

/** Writes bytes of one's own making in the place of an answer, and ends the stream. */
export function writeRaw(server: TestHttp3, exchange: Exchange, ...pieces: Uint8Array[]): void {
  sessionOf(server, exchange).connection.write(exchange.streamId, pieces, true)
}
