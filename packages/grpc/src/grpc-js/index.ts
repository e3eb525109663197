export { type RunningGrpcJs, serveGrpcJs, type ServeGrpcJsOptions } from './serve.ts'
