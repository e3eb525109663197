import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { frame, FrameReader } from './frames.ts'
import type { Message, MessageLog } from './message-log.ts'

/** Readers and writers at a time. */
export const clientsMax = 16

/** What a client asks of the log. */
export type LogRequest =
  | { ask: 'subscribe'; topic: string }
  | { ask: 'append'; topic: string; message: Message }
  | { ask: 'commit'; topic: string; partition: number; offset: number }

export interface LogServer {
  port: number
  close(): Promise<void>
}

/**
 * Serves a log over TCP, to processes of this machine. A client that sends what is no request is cut, and so is one whose append
 * finds the log full: it subscribes again and finds out what is left.
 */
export async function serveLog(log: MessageLog, at: { host: string; port: number }): Promise<LogServer> {
  const sockets = new Set<Socket>()
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket)
    serveClient(log, socket, () => sockets.delete(socket))
  })
  server.maxConnections = clientsMax
  server.listen(at.port, at.host)
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

function serveClient(log: MessageLog, socket: Socket, onGone: () => void): void {
  const reader = new FrameReader()
  const subscriptions = new Map<string, Disposable>()
  socket.on('data', (piece: Buffer) => {
    try {
      for (const message of reader.push(piece)) answer(message as LogRequest)
    } catch {
      socket.destroy()
    }
  })
  socket.on('error', () => {})
  socket.on('close', () => {
    for (const subscription of subscriptions.values()) subscription[Symbol.dispose]()
    onGone()
  })

  const answer = (asked: LogRequest): void => {
    if (asked.ask === 'append') log.append(asked.topic, checked(asked.message))
    else if (asked.ask === 'commit') log.commit(asked.topic, asked.partition, asked.offset)
    else if (asked.ask === 'subscribe' && !subscriptions.has(asked.topic)) {
      // What waits for this client is what nobody has committed, which the log bounds.
      const subscription = log.subscribe(asked.topic, (record) => void socket.write(frame(record)))
      subscriptions.set(asked.topic, subscription)
    }
  }
}

function checked({ key, headers, value }: Message): Message {
  const texts = [key, value, ...Object.values(headers)]
  if (texts.every((text) => typeof text === 'string')) return { key, headers, value }
  throw new TypeError('a message has a key, headers and a value, all of them text')
}
