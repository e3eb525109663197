import { randomBytes } from 'node:crypto'
import { isIPv6 } from 'node:net'
import { type Clock, invariant } from '@qps/core'
import { isLoopback } from '@qps/http-contract'
import { clientConfig } from '../binding/config.ts'
import { loadQuiche } from '../binding/load.ts'
import type { HostPort, QuicheConnection } from '../binding/quiche.ts'
import type { QuicLimits } from '../limits.ts'
import { Driver } from '../transport/driver.ts'
import { idBytes } from '../transport/packet-head.ts'
import { type ConnectionPost, QuicConnection } from '../transport/quic-connection.ts'
import { UdpSocket } from '../transport/udp-socket.ts'

export interface ClientPostOptions {
  peer: HostPort
  /** PEM of the authorities that are trusted; undefined takes any certificate. */
  ca: string | undefined
  /** What BoringSSL checks the certificate for; null where it is left to the caller. */
  serverName: string | null
  /** Of an earlier connection, to resume. */
  session: Uint8Array | undefined
  limits: QuicLimits
  clock: Clock
}

/** The sockets of one client: the one it uses, and those that it has left a moment ago or is about to take. */
export class ClientPost implements ConnectionPost, Disposable {
  readonly peer: HostPort
  /** Connecting took too long. */
  isGivenUp = false
  readonly #clock: Clock
  readonly #driver: Driver
  readonly #sockets = new Map<number, UdpSocket>()
  readonly #timers = new Set<Disposable>()
  #local: HostPort = { host: '', port: 0 }
  #connection: QuicConnection | undefined

  /** Binds a socket and begins to connect; the connection needs an owner at once. @throws QpsError QPS_OPTION, QPS_PART_MISSING. */
  static async open({ peer, ca, serverName, session, limits, clock }: ClientPostOptions): Promise<ClientPost> {
    const config = clientConfig(ca, limits, session !== undefined)
    const post = new ClientPost(peer, clock, new Driver(clock, limits))
    const { local } = await post.openSocket()
    const raw = loadQuiche().Connection.connect(serverName, randomBytes(idBytes), local, peer, config)
    if (session !== undefined) resume(raw, session)
    post.#local = local
    post.#connection = new QuicConnection(raw, post.#driver, post, limits)
    post.#driver.wake(post.#connection)
    return post
  }

  private constructor(peer: HostPort, clock: Clock, driver: Driver) {
    this.peer = peer
    this.#clock = clock
    this.#driver = driver
  }

  get connection(): QuicConnection {
    invariant(this.#connection !== undefined, 'a post is open when it has its connection')
    return this.#connection
  }

  /** Where datagrams are sent from. */
  get local(): HostPort {
    return this.#local
  }

  /** Binds another port of the same interface. */
  async openSocket(): Promise<UdpSocket> {
    const isV6 = isIPv6(this.peer.host)
    const host =
      isLoopback(this.peer.host) || this.peer.host === '::1' ? (isV6 ? '::1' : '127.0.0.1') : isV6 ? '::' : '0.0.0.0'
    const socket = await UdpSocket.open({ host, port: 0 }, this.#driver.pool, (datagram, from, { local }) =>
      this.#connection?.receive(datagram, from, local),
    )
    this.#sockets.set(socket.local.port, socket)
    return socket
  }

  closeSocket({ port }: HostPort): void {
    this.#sockets.get(port)?.close()
    this.#sockets.delete(port)
  }

  /** From now on `local` is used; what was used before is closed after a while. */
  moved(local: HostPort, lingerMs: number): void {
    const left = this.#local
    this.#local = local
    const timer = this.#clock.after(lingerMs, () => {
      this.#timers.delete(timer)
      this.closeSocket(left)
    })
    this.#timers.add(timer)
  }

  giveUp(): void {
    this.isGivenUp = true
    this.connection.abandon()
  }

  socketAt({ port }: HostPort): UdpSocket | undefined {
    return this.#sockets.get(port)
  }

  /** Datagrams come by their socket: nobody looks for ids. */
  idGiven(): void {}

  idRetired(): void {}

  gone(connection: QuicConnection): void {
    this.#driver.remove(connection)
    connection.abandon()
  }

  [Symbol.dispose](): void {
    for (const timer of this.#timers) timer[Symbol.dispose]()
    this.#driver[Symbol.dispose]()
    for (const socket of this.#sockets.values()) socket.close()
  }
}

/** A session that cannot be read is one that there is not: the handshake is a full one. */
function resume(raw: QuicheConnection, session: Uint8Array): void {
  try {
    raw.setSession(session)
  } catch {
    // The server is asked as for the first time.
  }
}
