import type { Scenario } from '../src/scenario.ts'
import { minimalServer } from './01-minimal-server.scenario.ts'
import { client } from './02-client.scenario.ts'
import { generator } from './02-generator.scenario.ts'
import { hitRatio } from './02-hit-ratio.scenario.ts'
import { httpPipelined } from './02-http-pipelined.scenario.ts'
import { httpSmall } from './02-http-small.scenario.ts'
import { idleMemory } from './02-idle-memory.scenario.ts'
import { keepAlive } from './02-keep-alive.scenario.ts'
import { million } from './02-million.scenario.ts'
import { workers } from './02-workers.scenario.ts'
import { copies } from './03-copies.scenario.ts'
import { crypto } from './03-crypto.scenario.ts'
import { zeroCopy } from './03-zero-copy.scenario.ts'
import { grpcUnary } from './03-grpc-unary.scenario.ts'
import { http2Tuning } from './03-http2-tuning.scenario.ts'
import { protocols } from './03-protocols.scenario.ts'
import { tlsHandshake } from './03-tls-handshake.scenario.ts'
import { allocations } from './04-allocations.scenario.ts'
import { bytes } from './04-bytes.scenario.ts'
import { layers } from './04-layers.scenario.ts'
import { pool } from './04-pool.scenario.ts'
import { context } from './05-context.scenario.ts'
import { counters } from './05-counters.scenario.ts'
import { queue } from './05-queue.scenario.ts'
import { rejection } from './05-rejection.scenario.ts'
import { workerPool } from './05-worker-pool.scenario.ts'
import { sharedMap } from './05-shared-map.scenario.ts'
import { shards } from './05-shards.scenario.ts'
import { breaker } from './06-breaker.scenario.ts'
import { faults } from './06-faults.scenario.ts'

/** Every experiment, in the order of the chapters. */
export const scenarios: readonly Scenario[] = [
  minimalServer,
  httpSmall,
  httpPipelined,
  million,
  keepAlive,
  workers,
  idleMemory,
  client,
  generator,
  hitRatio,
  protocols,
  grpcUnary,
  http2Tuning,
  tlsHandshake,
  crypto,
  copies,
  zeroCopy,
  allocations,
  layers,
  pool,
  bytes,
  counters,
  context,
  queue,
  workerPool,
  rejection,
  sharedMap,
  shards,
  breaker,
  faults,
]
