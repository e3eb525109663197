import { createServer, type Http2Server, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo } from 'node:net'
import {
  type FrameReader,
  frameFlag,
  FrameReader as Reader,
  frameType,
  HpackEncoder,
  type HeaderField,
  writeData,
  writeHeaders,
  writeSettings,
  writeSettingsAck,
} from '@qps/http2-frames'
import { serveBytes } from './servers.ts'

export type StreamListener = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void

/** node:http2 in cleartext, on a free port; disposing of it cuts every connection. */
export async function serveHttp2(
  listener: StreamListener,
  settings: Parameters<typeof createServer>[0] = {},
): Promise<AsyncDisposable & { url: string; server: Http2Server }> {
  const server = createServer(settings)
  const close = new Set<() => void>()
  server.on('session', (session) => {
    const destroy = (): void => session.destroy()
    close.add(destroy)
    session.once('close', () => close.delete(destroy))
    session.on('error', () => {})
  })
  server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    stream.on('error', () => {})
    listener(stream, headers)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    server,
    async [Symbol.asyncDispose]() {
      for (const destroy of close) destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Answers with `hello`, and says how long that is. */
export const helloHttp2: StreamListener = (stream) => {
  stream.resume()
  stream.respond({ ':status': 200, 'content-type': 'text/plain', 'content-length': 5 })
  stream.end('hello')
}

/** What a server of bytes has to work with: it writes frames of its own making. */
export interface Wire {
  /** Which connection this is, from 0; the first one is the look that the generator takes before it begins. */
  connection: number
  send(bytes: Uint8Array): void
  /** A head, with END_STREAM where there is no content, and the content. */
  answer(streamId: number, fields: readonly HeaderField[], content?: Uint8Array): void
  headers(streamId: number, fields: readonly HeaderField[], endStream: boolean): void
  end(): void
}

/** A server that has said SETTINGS, and calls back for each HEADERS frame that ends a stream, or DATA that does. */
export async function serveFrames(
  onRequest: (wire: Wire, streamId: number) => void,
  onOpen: (wire: Wire) => void = () => {},
): Promise<AsyncDisposable & { url: string }> {
  let connections = 0
  return serveBytes((socket) => {
    const encoder = new HpackEncoder()
    const reader = new Reader()
    const out = Buffer.alloc(100_000)
    const headers: Wire['headers'] = (streamId, fields, endStream) => {
      const block = Buffer.alloc(10_000)
      const blockEnd = encoder.encode(fields, block, 0)
      const end = writeHeaders(out, 0, streamId, block.subarray(0, blockEnd), endStream, 16_384)
      socket.write(Buffer.from(out.subarray(0, end)))
    }
    const wire: Wire = {
      connection: connections++,
      send: (bytes) => void socket.write(bytes),
      headers,
      answer(streamId, fields, content) {
        headers(streamId, fields, content === undefined)
        if (content === undefined) return
        const end = writeData(out, 0, streamId, content, 0, content.length, true)
        socket.write(Buffer.from(out.subarray(0, end)))
      },
      end: () => void socket.end(),
    }
    socket.setNoDelay(true)
    let prefaceBytes = 24
    socket.write(Buffer.from(out.subarray(0, writeSettingsAck(out, writeSettings(out, 0, [])))))
    onOpen(wire)
    socket.on('data', (bytes: Buffer) => {
      const skipped = Math.min(prefaceBytes, bytes.length)
      prefaceBytes -= skipped
      for (let at = skipped; at < bytes.length;) {
        at = reader.feed(bytes, at, bytes.length)
        if (endsRequest(reader)) onRequest(wire, reader.streamId)
      }
    })
  })
}

function endsRequest({ complete, type, flags }: FrameReader): boolean {
  const ofStream = type === frameType.headers || type === frameType.data
  return complete && ofStream && (flags & frameFlag.endStream) !== 0
}
