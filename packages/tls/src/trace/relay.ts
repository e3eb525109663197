import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { RecordReader, type TlsRecord } from './record-reader.ts'

/** What one side sends before the other one has its turn. */
export interface Flight {
  from: 'client' | 'server'
  /** As TCP carries them: record headers included, those of TCP and IP not. */
  bytes: number
  records: TlsRecord[]
}

export interface Relay extends AsyncDisposable {
  port: number
  /** All flights so far, alerts left out: they end a connection, and begin none. */
  readonly flights: Flight[]
}

/** Listens, and passes the first connection on to `port`, every byte unchanged and at once. Further ones are closed. */
export async function startRelay(host: string, port: number): Promise<Relay> {
  const flights: Flight[] = []
  const sockets: Socket[] = []
  const server = createServer({ allowHalfOpen: true }, (client) => {
    client.on('error', () => {})
    if (sockets.length > 0) return client.destroy()
    const target = connect({ host, port, noDelay: true, allowHalfOpen: true }).on('error', () => client.destroy())
    sockets.push(client.setNoDelay(), target)
    pass(client, target, 'client', flights)
    pass(target, client, 'server', flights)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    flights,
    [Symbol.asyncDispose]: () => close(server, sockets),
  }
}

function pass(source: Socket, sink: Socket, from: Flight['from'], flights: Flight[]): void {
  const reader = new RecordReader()
  source.on('data', (chunk: Buffer) => {
    try {
      for (const record of reader.push(chunk)) note(flights, from, record)
    } catch (error) {
      source.destroy(error as Error)
      return
    }
    if (!sink.write(chunk)) source.pause()
  })
  sink.on('drain', () => source.resume())
  source.on('end', () => sink.end())
  source.on('close', () => sink.end())
}

function note(flights: Flight[], from: Flight['from'], record: TlsRecord): void {
  if (record.holds[0] === 'alert') return
  let flight = flights.at(-1)
  if (flight?.from !== from) flights.push((flight = { from, bytes: 0, records: [] }))
  flight.bytes += record.bytes
  flight.records.push(record)
}

async function close(server: Server, sockets: Socket[]): Promise<void> {
  for (const socket of sockets) socket.destroy()
  server.close()
  await once(server, 'close')
}
