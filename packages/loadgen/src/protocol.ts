import type { ConnectionContext, ConnectionMaker } from './connection.ts'
import { Http1Connection } from './http1-connection.ts'
import { Http2Connection } from './http2/connection.ts'
import type { Http2Message } from './http2/message.ts'
import type { Http1Message } from './request.ts'

/** What a run sends over and over, by protocol: plain data, made from the options. */
export type Message = Http1Message | Http2Message
export type Protocol = Message['protocol']

/** Makes connections that send this message. What all of them share is prepared once. */
export function connectionsFor(message: Message, context: ConnectionContext): ConnectionMaker {
  if (message.protocol === 'h1') {
    const batches = batchesOf(message.bytes, context.pipeline)
    const http1 = { ...context, method: message.method, batches }
    return (owner) => new Http1Connection(http1, owner)
  }
  const http2 = Http2Connection.context(context, message)
  return (owner) => new Http2Connection(http2, owner)
}

/** Bytes of one request: a connection has as many of them to send as it may have outstanding. */
export function messageBytes(message: Message): number {
  return message.protocol === 'h1' ? message.bytes.length : message.body.length
}

/** Entry n is the request n times in a row, for 0..pipeline: views of one piece of memory. */
function batchesOf(request: Uint8Array, pipeline: number): Uint8Array[] {
  const all = Buffer.concat(Array.from({ length: pipeline }, () => request))
  return Array.from({ length: pipeline + 1 }, (_, count) => all.subarray(0, count * request.length))
}
