import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { isIPv6 } from 'node:net'
import { listenError } from '@qps/http-contract'
import type { HostPort } from '../binding/quiche.ts'
import type { DatagramPool } from './datagram-pool.ts'

/** Asked of the kernel, which gives what it allows: a burst is to wait there, not to be lost. */
const kernelBufferBytes = 2 * 1024 * 1024

export type OnDatagram = (datagram: Buffer, from: HostPort, socket: UdpSocket) => void

/**
 * A UDP socket. One system call per datagram in each direction: Node has no call for more.
 */
export class UdpSocket {
  /** Where it is bound; what paths of quiche are named after. */
  readonly local: HostPort
  readonly #socket: Socket
  readonly #pool: DatagramPool
  #isOpen = true

  /**
   * Binds.
   *
   * @param port 0 picks a free one. @param pool takes back what was sent.
   * @throws QpsError QPS_PORT_IN_USE, QPS_ADDRESS_UNAVAILABLE.
   */
  static async open({ host, port }: HostPort, pool: DatagramPool, onDatagram: OnDatagram): Promise<UdpSocket> {
    const family = isIPv6(host) ? 6 : 4
    const socket = createSocket({
      type: family === 6 ? 'udp6' : 'udp4',
      // Destinations are addresses already: without this each datagram waits for a resolver's turn.
      lookup: (address, _options, callback) => callback(null, address, family),
    })
    try {
      const listening = once(socket, 'listening')
      socket.bind(port, host)
      await listening
    } catch (cause) {
      socket.close()
      throw listenError(cause, { host, port })
    }
    return new UdpSocket(socket, pool, onDatagram)
  }

  private constructor(socket: Socket, pool: DatagramPool, onDatagram: OnDatagram) {
    const { address, port } = socket.address()
    this.local = { host: address, port }
    this.#socket = socket
    this.#pool = pool
    socket.setRecvBufferSize(kernelBufferBytes)
    socket.setSendBufferSize(kernelBufferBytes)
    socket.on('message', (datagram, { address, port }) => onDatagram(datagram, { host: address, port }, this))
    // An ICMP answer to one of our datagrams: loss detection sees to it.
    socket.on('error', () => {})
  }

  /**
   * Hands the first `length` bytes to the kernel. Loss is not this class's business, and so neither are errors.
   *
   * @param buffer of the pool; goes back there when the kernel has taken it.
   */
  send(buffer: Buffer, length: number, to: HostPort): void {
    if (!this.#isOpen) return this.#pool.release(buffer)
    this.#socket.send(buffer, 0, length, to.port, to.host, () => this.#pool.release(buffer))
  }

  close(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#socket.close()
  }
}
