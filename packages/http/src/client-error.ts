import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { systemErrorCode } from '@qps/core'
import type { RefusalReason } from '@qps/http-contract'
import type { Guard } from './guard.ts'

/**
 * Answers what never became a request: Node's parser gave up, or one of Node's own timeouts ran out.
 *
 * A broken or closed connection (ECONNRESET, EPIPE, …) is not an error of the server's: it is dropped without a word.
 * Never throws: nothing above it could catch.
 */
export function answerClientErrors(server: Server, guard: Guard): void {
  server.on('clientError', (error: Error, stream) => {
    const socket = stream as Socket
    const reason = reasonOf(error)
    const connection = guard.of(socket)
    if (reason === undefined || connection === undefined || socket.destroyed) return void socket.destroy()
    // In the middle of a body, the broken message is the newest request; otherwise it is one that was yet to come.
    guard.refuse(socket, reason, connection.isReceiving ? connection.response : undefined)
  })
}

function reasonOf(error: Error): RefusalReason | undefined {
  const code = systemErrorCode(error)
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 'timeout'
  if (code === 'HPE_HEADER_OVERFLOW') return 'header-bytes'
  return code?.startsWith('HPE_') ? 'malformed' : undefined
}
