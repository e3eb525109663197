// Serving
export { serve, type ServeOptions, type Serving } from './server/serve.ts'
export { type Handler, HttpServer, type HttpServerOptions } from './server/server.ts'
export { Request } from './server/request.ts'
export { Response } from './server/response.ts'
export { RequestBody } from './server/body.ts'
export { Router } from './server/router.ts'
export { type FieldValues, PreparedFields } from './server/fields.ts'
export { contractRouter } from './server/contract-router.ts'

// The parser
export { headComplete, headFailed, headIncomplete, RequestParser } from './request-parser.ts'

// Fastify, and what else takes a serverFactory
export { nodeServer, type NodeServer } from './node/node-server.ts'
export { NodeHttpServer, type NodeServerOptions } from './node/node-http-server.ts'
export { NodeRequest } from './node/node-request.ts'
export { NodeResponse } from './node/node-response.ts'
export { NodeSocket } from './node/node-socket.ts'

// The client
export { createDispatcher, Dispatcher, type DispatcherStats } from './client/dispatcher.ts'
export { type DispatcherOptions, dispatcherDefaults, type Origin } from './client/options.ts'
export type { Exchange, ResponseHandler } from './client/exchange.ts'
export { type OutgoingBody, type OutgoingRequest, PreparedRequest } from './client/outgoing.ts'
export { ResponseHead, type ResponseHeaders } from './client/response-head.ts'
export { ClientResponse } from './client/response.ts'
export { type ResponseFailure, type ResponseLimits, ResponseParser } from './client/response-parser.ts'
