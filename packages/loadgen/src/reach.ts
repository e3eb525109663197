import { connect, type Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { messageOf, QpsError, systemErrorCode } from '@qps/core'
import { connectionPreface, FrameReader, frameType, writeGoaway, writeSettings } from '@qps/http2-frames'
import type { LoadPlan } from './options.ts'
import { connectTls, isAgreed, type TlsTarget } from './tls-target.ts'
import type { TransportTarget } from './transport.ts'
import { unreachable, untrusted } from './unreachable.ts'

/**
 * Opens one connection and closes it: finds the address behind a name, once, and fails early where nobody listens, where no
 * handshake of TLS or QUIC succeeds, or where a protocol is asked for and not spoken.
 *
 * @throws QpsError QPS_UNREACHABLE with the reason and what to try; QPS_PROTOCOL where somebody listens who does not take the
 *   protocol, or does not answer the preface of HTTP/2 with SETTINGS; QPS_PART_MISSING where QUIC is asked for and not installed.
 */
export async function reach(plan: LoadPlan): Promise<TransportTarget> {
  if (plan.message.protocol !== 'h3') return reachByTcp(plan)
  const { reachHttp3 } = await import('./http3/reach.ts')
  return reachHttp3(plan, plan.message)
}

async function reachByTcp(plan: LoadPlan): Promise<TransportTarget> {
  const { host, port, timeoutS, tls } = plan
  const { promise, resolve, reject } = Promise.withResolvers<TransportTarget>()
  const socket = tls === undefined ? connect({ host, port }) : connectTls({ address: host, port }, tls)
  const timer = setTimeout(() => socket.destroy(new Error(`no answer within ${timeoutS} s`)), timeoutS * 1000)
  socket.once(tls === undefined ? 'connect' : 'secureConnect', () =>
    resolve({ address: socket.remoteAddress!, port, ...(tls && { tls }) }),
  )
  socket.once('error', (error) => reject(reasonOf(plan, error)))
  try {
    const target = await promise
    if (tls !== undefined) expectAgreed(tls, socket as TLSSocket, plan.url)
    if (plan.message.protocol !== 'h1') await expectHttp2(socket, plan.url)
    return target
  } finally {
    clearTimeout(timer)
    socket.destroy()
  }
}

function expectAgreed(tls: TlsTarget, socket: TLSSocket, url: string): void {
  if (isAgreed(tls, socket)) return
  throw new QpsError('QPS_PROTOCOL', `${url} speaks TLS, and did not take ${tls.alpn}`, {
    hint: 'use another --protocol, or the port where the server speaks this one',
  })
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

function reasonOf(plan: LoadPlan, error: Error): QpsError {
  const { host, port } = plan
  const code = systemErrorCode(error)
  const why =
    code === 'ECONNREFUSED'
      ? `nobody listens on port ${port} of ${host}`
      : code === 'ENOTFOUND' || code === 'EAI_AGAIN'
        ? `the name ${host} is unknown`
        : messageOf(error)
  return isDistrust(error) ? untrusted(plan, why, error) : unreachable(plan, why, error)
}

/** Codes of node:tls for a chain or a name that is not as it should be. */
function isDistrust(error: Error): boolean {
  const { code = '' } = error as { code?: string }
  return /CERT|SIGN|ISSUER|ALTNAME/.test(code) && !code.startsWith('ERR_SSL')
}
