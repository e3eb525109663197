import { systemClock } from '@qps/core'
import {
  connectHttp3,
  type ConnectHttp3Options,
  type Http3Client,
  type Http3Handler,
  quicAvailability,
  quicLimits,
  type RunningHttp3,
  serveHttp3,
  type ServeHttp3Options,
  surfaceHandler,
} from '@qps/quic'
import { createAuthority } from '@qps/tls'
import { ClientPost } from '../src/client/client-post.ts'

/** Where the binary is missing there is nothing to run, and the reason says how to get it; in CI it must be there. */
export const quic: { available: boolean; reason: string } = quicAvailability()
if (!quic.available && process.env['REAL_SERVICES'] === 'required') throw new Error(quic.reason)

export const authority: ReturnType<typeof createAuthority> = createAuthority()
export const credentials: { key: string; cert: string } = authority.issue({ hosts: ['localhost', '127.0.0.1', '::1'] })

export const serveSurface = (
  options: Partial<ServeHttp3Options> = {},
  handler: Http3Handler = surfaceHandler,
): Promise<RunningHttp3> => serveHttp3({ port: 0, ...credentials, ...options }, handler)

export const connect = (port: number, options: Partial<ConnectHttp3Options> = {}): Promise<Http3Client> =>
  connectHttp3({ host: '127.0.0.1', port, ca: authority.cert, ...options })

export interface Answer {
  status: number
  headers: Map<string, string>
  body: Buffer
}

/** One request and its whole answer. */
export async function ask(client: Http3Client, request: Parameters<Http3Client['request']>[0]): Promise<Answer> {
  const { status, headers, body } = await client.request(request)
  return { status, headers: new Map(headers), body: await body.collect() }
}

/** A client that says what it is told to, byte for byte. */
export interface RawClient extends AsyncDisposable {
  write(streamId: number, bytes: Uint8Array, isLast?: boolean): void
  reset(streamId: number): void
  /** How the connection has ended: the code of the side that ended it. */
  readonly ended: Promise<number | undefined>
  isEnded(): boolean
}

export async function rawClient(port: number): Promise<RawClient> {
  const peer = { host: '127.0.0.1', port }
  const post = await ClientPost.open({
    peer,
    ca: authority.cert,
    serverName: 'localhost',
    limits: quicLimits,
    clock: systemClock,
  })
  const { connection } = post
  const established = Promise.withResolvers<void>()
  const ended = Promise.withResolvers<number | undefined>()
  connection.ownedBy({
    established: () => established.resolve(),
    readable: (streamId) => {
      try {
        while (connection.read(streamId)?.isLast === false);
      } catch {
        // Reset: as good an end as any.
      }
    },
    finished: () => {},
    stopped: () => {},
    path: () => {},
    caughtUp: () => {},
    ended: (fault) => ended.resolve(fault?.errorCode),
  })
  await established.promise
  return {
    write: (streamId, bytes, isLast = false) => connection.write(streamId, [bytes], isLast),
    reset: (streamId) => {
      connection.reset(streamId, 0x10c)
      connection.stopReading(streamId, 0x10c)
    },
    ended: ended.promise,
    isEnded: () => connection.isEnded,
    [Symbol.asyncDispose]: async () => {
      connection.close(0x100, '')
      await ended.promise
      post[Symbol.dispose]()
    },
  }
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Waits until something is true; a test's own limit ends it otherwise. */
export async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await pause(5)
}
