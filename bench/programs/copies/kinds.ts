import { createServer as createHttp1 } from 'node:http'
import { createServer as createHttp2, type ServerHttp2Stream } from 'node:http2'
import { once } from 'node:events'
import type { AddressInfo, Server } from 'node:net'
import { createGrpcServer, workload, workloadDefinition } from '@qps/grpc'
import { serveGrpcJs } from '@qps/grpc/grpc-js'
import { listenOnNetpoll } from '@qps/grpc/netpoll'
import { PreparedFields, serve } from '@qps/http1'
import type { Backend } from '@qps/netpoll'
import { answerBody } from './answer.ts'
import { type Counters, serveDirect, type Way, ways } from './direct-server.ts'

/** A server that answers one thing. */
export interface AnswerServer {
  /** `h1`: it is asked at `url`; `h2`, `grpc`: at the endpoint of that name. */
  protocol: 'h1' | 'h2' | 'grpc'
  /** `127.0.0.1:8080` */
  address: string
  close(): Promise<unknown>
  /** What a server counts that sends directly. */
  counters?: () => Counters
}

/** @param bytes of the answer's content. */
type Start = (bytes: number) => Promise<AnswerServer>

const host = '127.0.0.1'

async function listening(protocol: 'h1' | 'h2', server: Server): Promise<AnswerServer> {
  server.listen(0, host)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return { protocol, address: `${host}:${port}`, close: () => Promise.resolve(server.close()) }
}

const nodeHttp: Start = (bytes) => {
  const body = answerBody(bytes)
  const server = createHttp1((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/plain', 'content-length': bytes })
    response.end(body)
  })
  return listening('h1', server)
}

const nodeHttp2: Start = (bytes) => {
  const body = answerBody(bytes)
  const server = createHttp2()
  server.on('stream', (stream: ServerHttp2Stream) => {
    stream.respond({ ':status': 200, 'content-type': 'text/plain', 'content-length': bytes })
    stream.end(body)
  })
  return listening('h2', server)
}

const textFields = new PreparedFields({ 'content-type': 'text/plain' })

/** Our HTTP/1.1 on the engine. */
function engine(backend: Backend): Start {
  return async (bytes) => {
    const body = answerBody(bytes)
    const serving = await serve({ host, port: 0, backend }, (_request, response) => {
      response.writeHead(200, textFields).end(body)
    })
    return { protocol: 'h1', address: `${host}:${serving.port}`, close: () => serving.drain(500) }
  }
}

const grpcJs: Start = async (bytes) => {
  const body = answerBody(bytes)
  const services = [[workloadDefinition, workload({ status: () => body })]] as const
  const server = await serveGrpcJs({ host, port: 0, services })
  return { protocol: 'grpc', address: server.address, close: () => server.drain(1_000) }
}

const grpcRaw: Start = async (bytes) => {
  const body = answerBody(bytes)
  const server = createGrpcServer()
  server.addService(workloadDefinition, workload({ status: () => body }))
  const { url } = await server.listen({ host, port: 0 })
  return { protocol: 'grpc', address: new URL(url).host, close: () => server.close(1_000) }
}

/** The same calls over the engine, with HTTP/2 of our own. */
const grpcNetpoll: Start = async (bytes) => {
  const body = answerBody(bytes)
  const server = createGrpcServer()
  server.addService(workloadDefinition, workload({ status: () => body }))
  const { url } = await listenOnNetpoll(server, { host, port: 0 })
  return { protocol: 'grpc', address: new URL(url).host, close: () => server.close(1_000) }
}

const direct = (way: Way): Start => {
  return async (bytes) => ({ protocol: 'h1', ...(await serveDirect(way, bytes)) })
}

/** Every server by its name: those of this project and of Node, and the engine's ways to send. */
export const kinds: Readonly<Record<string, Start>> = {
  'node-http': nodeHttp,
  'netpoll-libuv': engine('libuv'),
  'netpoll-epoll': engine('epoll'),
  'netpoll-io_uring': engine('io_uring'),
  'node-http2': nodeHttp2,
  'grpc-js': grpcJs,
  'grpc-raw': grpcRaw,
  'grpc-netpoll': grpcNetpoll,
  ...Object.fromEntries(ways.map((way) => [way, direct(way)])),
}
