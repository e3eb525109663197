import { connect as connectTcp, type Socket } from 'node:net'
import { connect, type SecureVersion } from 'node:tls'

/** What the clients are to do; sent once. */
export interface ClientOrders {
  port: number
  ca: string
  /** Undefined: no TLS. */
  version: Extract<SecureVersion, 'TLSv1.2' | 'TLSv1.3'> | undefined
  /** `resumed`: the first connection's session is taken up again by all others. */
  mode: 'full' | 'resumed'
  /** Connections at a time. */
  atATime: number
}

/** Sent when they were told to stop. */
export interface ClientReport {
  /** Connections that failed, or were not resumed where they should have been. */
  errors: number
}

/* One connection behind the other, so many at a time, until told to stop: connect, shake hands, read a byte, close. */
let errors = 0

process.once('message', (orders: ClientOrders) => void run(orders))

async function run(orders: ClientOrders): Promise<void> {
  const load = { isStopped: false }
  process.on('message', () => {
    load.isStopped = true
    process.send!({ errors } satisfies ClientReport)
  })
  const session = orders.mode === 'resumed' ? await connection(orders, undefined) : undefined
  const loop = async (): Promise<void> => {
    while (!load.isStopped) await connection(orders, session)
  }
  await Promise.all(Array.from({ length: orders.atATime }, loop))
}

/** @returns the last session that the server gave. */
function connection(
  { port, ca, version, mode }: ClientOrders,
  session: Buffer | undefined,
): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    let given: Buffer | undefined
    const over = (socket: Socket): void => {
      socket.on('error', () => errors++)
      socket.resume().once('close', () => resolve(given))
    }
    if (version === undefined) return over(connectTcp(port, '127.0.0.1'))
    const only = { minVersion: version, maxVersion: version }
    const at = { port, host: '127.0.0.1', servername: 'localhost' }
    const socket = connect({ ...at, ca, ALPNProtocols: ['h2'], ...only, ...(session && { session }) })
    socket.on('session', (bytes: Buffer) => (given = bytes))
    socket.once('secureConnect', () => {
      if (session !== undefined && !socket.isSessionReused()) errors++
      else if (session === undefined && mode === 'full' && socket.isSessionReused()) errors++
    })
    over(socket)
  })
}
