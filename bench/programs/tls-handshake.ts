import { fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, createServer as createTcp } from 'node:net'
import { connect, createServer, type TlsOptions } from 'node:tls'
import { setTimeout as sleep } from 'node:timers/promises'
import { QpsError, sourceFlags, systemClock } from '@qps/core'
import {
  createAuthority,
  type HandshakeTrace,
  listenSecure,
  openIdentity,
  secureContextOptions,
  TicketKeys,
  traceHandshakes,
} from '@qps/tls'
import { measured, measuring, programOptions } from './report.ts'
import type { ClientOrders, ClientReport } from './tls-handshake-client.ts'

/*
 * What a new connection costs its server: accepted, handshake, one byte, closed. The server is this process, with everything
 * that variant `tls` of stage 3 has before a protocol; its clients are a process of their own, which is not counted.
 */
const { warmupS, seconds, given } = programOptions()
const { version, mode } = armOf(given)
const alpn = ['h2', 'http/1.1']
const identity = openIdentity({ onError: (error) => process.stderr.write(`${error.message}\n`) })
const ca = identity.authority!
const server = await (version === undefined ? serveTcp() : serveTls())
const facts = version === undefined ? {} : { ...(await traceFacts()), rightChoices: await rightChoices(server.port) }

const orders: ClientOrders = { port: server.port, ca, version, mode, atATime: Number(given['connections'] ?? 8) }
const client = fork(new URL(`tls-handshake-client.${import.meta.url.slice(-2)}`, import.meta.url), {
  execArgv: sourceFlags(import.meta.url),
  stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
})
const onExit = (): void => {
  throw new QpsError('QPS_INTERNAL', 'the clients ended early')
}
client.once('exit', onExit)
client.send(orders)
await sleep(warmupS * 1000)

measuring()
const startMs = systemClock.nowMs()
const before = { cpu: process.cpuUsage(), ...server.counts() }
await sleep(seconds * 1000)
const { user, system } = process.cpuUsage(before.cpu)
const after = server.counts()
const elapsedS = (systemClock.nowMs() - startMs) / 1000
client.send('stop')
const [report] = (await once(client, 'message')) as [ClientReport]
const [full, resumed] = [after.full - before.full, after.resumed - before.resumed]
const requests = full + resumed
await measured({
  requests,
  errors: report.errors,
  elapsedS,
  figures: {
    cpuUsPerHandshake: (user + system) / Math.max(1, requests),
    handshakesPerSecond: requests / elapsedS,
    ...(version !== undefined && { resumedRatio: resumed / Math.max(1, requests) }),
    ...facts,
  },
})
client.off('exit', onExit).kill()
process.exit()

interface Counts {
  full: number
  resumed: number
}

interface Serving {
  port: number
  counts(): Counts
}

async function serveTls(): Promise<Serving> {
  const listener = await listenSecure({
    port: 0,
    identity,
    tickets: new TicketKeys({ secret: randomBytes(32) }),
    alpn,
    target: (options: TlsOptions) => createServer(options, (socket) => socket.on('error', () => {}).end('.')),
  })
  return { port: listener.port, counts: () => listener.stats().handshakes }
}

/** The part of the cost that is none of TLS's. */
async function serveTcp(): Promise<Serving> {
  let full = 0
  const listener = createTcp((socket) => {
    full++
    socket.on('error', () => {}).end('.')
  }).listen(0, '127.0.0.1')
  await once(listener, 'listening')
  return { port: (listener.address() as AddressInfo).port, counts: () => ({ full, resumed: 0 }) }
}

/** Bytes and round trips of one handshake, by a relay between the two. */
async function traceFacts(): Promise<{ handshakeBytes: number; roundTrips: number }> {
  const authority = createAuthority()
  const pair = authority.issue({ hosts: ['localhost'] })
  const traces: HandshakeTrace[] = await traceHandshakes(secureContextOptions({ ...pair, alpn }), authority.cert)
  const trace = traces.find((each) => each.version === version && each.resumed === (mode === 'resumed'))
  if (trace === undefined) throw new QpsError('QPS_TLS_HANDSHAKE', `no handshake of ${version} was ${mode}`)
  return { handshakeBytes: trace.clientBytes + trace.serverBytes, roundTrips: trace.roundTrips }
}

/** Of three clients, how many got what ALPN owes them: the server's first, the one in common, a refusal. */
async function rightChoices(port: number): Promise<number> {
  const choice = async (offered: string[]): Promise<string> => {
    const socket = connect({ port, host: '127.0.0.1', servername: 'localhost', ca, ALPNProtocols: offered })
    try {
      await once(socket, 'secureConnect')
      return String(socket.alpnProtocol)
    } catch (error) {
      return String((error as { code?: string }).code)
    } finally {
      socket.on('error', () => {}).destroy()
    }
  }
  const offers: [offered: string[], owed: string][] = [
    [['http/1.1', 'h2'], 'h2'],
    [['http/1.1'], 'http/1.1'],
    [['spdy/3'], 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL'],
  ]
  const got = await Promise.all(offers.map(([offered]) => choice(offered)))
  return offers.filter(([, owed], index) => got[index] === owed).length
}

function armOf({ tls, mode: asked }: Readonly<Record<string, string>>): Pick<ClientOrders, 'version' | 'mode'> {
  const versions = { none: undefined, '1.2': 'TLSv1.2', '1.3': 'TLSv1.3' } as const
  if (tls === undefined || !Object.hasOwn(versions, tls) || (asked !== 'full' && asked !== 'resumed')) {
    throw new QpsError(
      'QPS_OPTION',
      `--tls must be none, 1.2 or 1.3 and --mode full or resumed, not ${tls} and ${asked}`,
    )
  }
  return { version: versions[tls as keyof typeof versions], mode: asked }
}
