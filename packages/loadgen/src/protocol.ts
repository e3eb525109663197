import type { ConnectionContext, ConnectionMaker } from './connection.ts'
import { Http1Connection } from './http1-connection.ts'
import { Http2Connection } from './http2/connection.ts'
import type { Http2Message } from './http2/message.ts'
import type { Http3Message } from './http3/message.ts'
import type { Http1Message } from './request.ts'
import { RequestCycle } from './request-cycle.ts'

/** What a run sends over and over, by protocol: plain data, made from the options. */
export type Message = Http1Message | Http2Message | Http3Message
export type Protocol = Message['protocol']

/** Prepares once what a thread's connections share, and makes them. */
export type Dialect = (context: ConnectionContext) => ConnectionMaker

/** How connections that send this message are made. QUIC is loaded where it is asked for, and nobody else waits for it. */
export async function dialectOf(message: Message): Promise<Dialect> {
  if (message.protocol === 'h1') {
    return (context) => {
      const requests = new RequestCycle(message, context.pipeline)
      const http1 = { ...context, method: message.method, requests }
      return (owner) => new Http1Connection(http1, owner)
    }
  }
  if (message.protocol === 'h3') {
    const { Http3Connection } = await import('./http3/connection.ts')
    return (context) => {
      const http3 = Http3Connection.context(context, message)
      return (owner) => new Http3Connection(http3, owner)
    }
  }
  return (context) => {
    const http2 = Http2Connection.context(context, message)
    return (owner) => new Http2Connection(http2, owner)
  }
}

/** Bytes of all different requests: a connection has as many of them to send as it may have outstanding. */
export function messageBytes(message: Message): number {
  return message.protocol === 'h1' ? message.bytes.length : message.body.length
}

/** How many different requests take turns. */
export function messageCount(message: Message): number {
  return message.protocol === 'h1' ? message.starts.length : 1
}
