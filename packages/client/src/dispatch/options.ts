import type { Pool } from 'undici'
import { checkInteger, didYouMean, describe, QpsError } from '@qps/core'
import { clientDefaults, planClient } from '../client/options.ts'
import type { DispatcherOptions } from './http-dispatcher.ts'

/** What applies where an option of {@link DispatcherOptions} is left out. */
export const dispatcherDefaults = {
  connectionsMax: 64,
  parts: 4,
  pick: 'round-robin',
  outstandingMax: 65_536,
  pipelining: 1,
} as const

const picks = ['round-robin', 'hash'] as const

/** @throws QpsError QPS_OPTION naming the option, its value and its range. */
export function planDispatcher(options: DispatcherOptions): Required<DispatcherOptions> {
  const {
    connectionsMax = dispatcherDefaults.connectionsMax,
    parts = dispatcherDefaults.parts,
    pick = dispatcherDefaults.pick,
    outstandingMax = dispatcherDefaults.outstandingMax,
    pipelining = dispatcherDefaults.pipelining,
  } = options
  if (!picks.includes(pick)) {
    throw new QpsError('QPS_OPTION', `pick must be one of ${picks.join(', ')}, not ${describe(pick)}`, {
      hint: didYouMean(pick, picks),
    })
  }
  return {
    origin: planClient({ origin: options.origin }).origin.origin,
    connectionsMax: checkInteger('connectionsMax', connectionsMax, { min: 1, max: 65_536 }),
    parts: checkInteger('parts', parts, { min: 1, max: 64 }),
    outstandingMax: checkInteger('outstandingMax', outstandingMax, { min: 1, max: 1_048_576 }),
    pipelining: checkInteger('pipelining', pipelining, { min: 1, max: 1024 }),
    pick,
  }
}

/** The connections of one of `parts`: equal shares, and at least one. */
export function shareOf(connectionsMax: number, parts: number): number {
  return Math.max(1, Math.floor(connectionsMax / parts))
}

/** Options of undici that all arms share, so that they differ in nothing else. */
export const undiciLimits: Readonly<Pool.Options> = {
  keepAliveTimeout: clientDefaults.idleTimeoutMs,
  keepAliveMaxTimeout: clientDefaults.idleTimeoutMs,
  headersTimeout: clientDefaults.headersTimeoutMs,
  bodyTimeout: clientDefaults.bodyTimeoutMs,
  maxHeaderSize: clientDefaults.headerBytesMax,
  maxResponseSize: clientDefaults.responseBytesMax,
  connectTimeout: clientDefaults.connectTimeoutMs,
  allowH2: false,
}
