import { createSocket } from 'node:dgram'
import { isIPv6 } from 'node:net'
import { systemErrorCode } from '@qps/core'
import type { TransportTarget } from '../transport.ts'

/** How often: a server that is about to end may still listen at first. */
const periodMs = 100
/** No packet of QUIC begins with these bits: whoever listens drops it without an answer (RFC 9000, section 17.2). */
const nothing = Buffer.of(0)

/**
 * Finds out that nobody listens on a UDP port, which no answer tells: a system that has no such port says so by ICMP, and Node
 * hears that only on a socket that is connected, which those of QUIC are not. Where a firewall keeps the message back it never
 * learns of it.
 *
 * @param onRefused called at most once. @returns dispose of it when it is known, or of no interest, who listens.
 */
export function knock({ address, port }: Pick<TransportTarget, 'address' | 'port'>, onRefused: () => void): Disposable {
  const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4')
  let timer: NodeJS.Timeout | undefined
  let isOpen = true
  const end = (): void => {
    clearInterval(timer)
    if (isOpen) socket.close()
    isOpen = false
  }
  const send = (): void => socket.send(nothing)
  socket.on('error', (error) => {
    const isRefused = isOpen && systemErrorCode(error) === 'ECONNREFUSED'
    end()
    if (isRefused) onRefused()
  })
  socket.on('connect', () => {
    if (!isOpen) return
    timer = setInterval(send, periodMs)
    send()
  })
  socket.connect(port, address)
  return { [Symbol.dispose]: end }
}
