import { connect, type Socket } from 'node:net'
import { messageOf, QpsError, systemErrorCode } from '@qps/core'
import { connectionPreface, FrameReader, frameType, writeGoaway, writeSettings } from '@qps/http2-frames'
import type { LoadPlan } from './options.ts'
import type { TransportTarget } from './transport.ts'

/**
 * Opens one connection and closes it: finds the address behind a name, once, and fails early where nobody listens, or where
 * HTTP/2 is asked for and not spoken.
 *
 * @throws QpsError QPS_UNREACHABLE with the reason and what to try; QPS_PROTOCOL where somebody listens who does not answer
 *   the preface of HTTP/2 with SETTINGS.
 */
export async function reach(plan: LoadPlan): Promise<TransportTarget> {
  const { host, port, timeoutS } = plan
  const { promise, resolve, reject } = Promise.withResolvers<TransportTarget>()
  const socket = connect({ host, port })
  const timer = setTimeout(() => socket.destroy(new Error(`no answer within ${timeoutS} s`)), timeoutS * 1000)
  socket.once('connect', () => resolve({ address: socket.remoteAddress!, port }))
  socket.once('error', (error) => reject(unreachable(plan, error)))
  try {
    const target = await promise
    if (plan.message.protocol !== 'h1') await expectHttp2(socket, plan.url)
    return target
  } finally {
    clearTimeout(timer)
    socket.destroy()
  }
}

/** Both sides begin with SETTINGS: RFC 9113, section 3.4. The timer of the caller ends the wait. */
async function expectHttp2(socket: Socket, url: string): Promise<void> {
  const hello = Buffer.alloc(connectionPreface.length + 32)
  hello.set(connectionPreface)
  const settingsEnd = writeSettings(hello, connectionPreface.length, [])
  socket.write(hello.subarray(0, settingsEnd))
  if (await beginsWithSettings(socket)) {
    socket.write(hello.subarray(settingsEnd, writeGoaway(hello, settingsEnd, 0)))
    return
  }
  throw new QpsError('QPS_PROTOCOL', `${url} answers, but not with HTTP/2: its first bytes are no SETTINGS`, {
    hint: 'use --protocol h1, or the port where the server speaks HTTP/2 without TLS',
  })
}

async function beginsWithSettings(socket: Socket): Promise<boolean> {
  const reader = new FrameReader()
  for await (const bytes of socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>) {
    reader.feed(bytes, 0, bytes.length)
    if (reader.complete || reader.failure !== undefined) break
  }
  return reader.complete && reader.type === frameType.settings
}

function unreachable({ url, host, port }: LoadPlan, error: Error): QpsError {
  const code = systemErrorCode(error)
  const why =
    code === 'ECONNREFUSED'
      ? `nobody listens on port ${port} of ${host}`
      : code === 'ENOTFOUND' || code === 'EAI_AGAIN'
        ? `the name ${host} is unknown`
        : messageOf(error)
  return new QpsError('QPS_UNREACHABLE', `cannot connect to ${url}: ${why}`, {
    cause: error,
    retryable: true,
    hint: 'start a server there first (npm run stage:1), or correct the URL',
  })
}
