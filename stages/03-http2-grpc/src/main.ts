import { runStage } from '@qps/console'
import { http2, http2Options } from './http2.ts'
import { http2Netpoll } from './http2-netpoll.ts'
import { grpcNetpoll } from './grpc-netpoll.ts'
import { grpcJs } from './grpc-js.ts'
import { grpcRaw } from './grpc-raw.ts'
import { quic } from './quic.ts'
import { tlsOptions } from './secure-ports.ts'
import { variant } from './server.ts'
import { tls } from './tls.ts'

await runStage(
  new URL('../stage.json', import.meta.url),
  {
    baseline: variant(),
    http2,
    grpc: variant(grpcJs),
    'grpc-raw': variant(grpcRaw),
    'http2-netpoll': variant(http2Netpoll),
    'grpc-netpoll': variant(grpcNetpoll),
    tls,
    quic,
  },
  { ...tlsOptions, ...http2Options },
)
