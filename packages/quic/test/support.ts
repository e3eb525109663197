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
import { describe } from 'vitest'
import { ClientPost } from '../src/client/client-post.ts'

/** Where the binary is missing there is nothing to run, and the reason says how to get it; in CI it must be there. */
export const quic: { available: boolean; reason: string } = quicAvailability()
if (!quic.available && process.env['REAL_SERVICES'] === 'required') throw new Error(quic.reason)

/** For tests that need quiche. */
export const withQuic: typeof describe.skip = quic.available ? describe : describe.skip

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
  /** What has come on a stream so far. */
  received(streamId: number): Buffer
}

/** @param again a session to resume, and what to send on stream 0 before the handshake is over. */
export async function rawClient(port: number, again?: { session: Uint8Array; early: Buffer }): Promise<RawClient> {
  const peer = { host: '127.0.0.1', port }
  const post = await ClientPost.open({
    peer,
    ca: authority.cert,
    serverName: 'localhost',
    session: again?.session,
    limits: quicLimits,
    clock: systemClock,
  })
  const { connection } = post
  const received = new Map<number, Buffer>()
  const nothing = Buffer.alloc(0)
  const established = Promise.withResolvers<void>()
  const ended = Promise.withResolvers<number | undefined>()
  connection.ownedBy({
    early: () => again !== undefined && connection.write(0, [again.early], true),
    established: () => established.resolve(),
    readable: (streamId) => {
      try {
        for (let read = connection.read(streamId); read !== undefined; read = connection.read(streamId)) {
          received.set(streamId, Buffer.concat([received.get(streamId) ?? nothing, read.bytes]))
          if (read.isLast) return
        }
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
    received: (streamId) => received.get(streamId) ?? nothing,
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
