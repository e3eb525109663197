import type { Random } from '@qps/core'
import { randomHex } from './hex.ts'
import { TraceState } from './trace-state.ts'

/** Bits of `flags`. Source: W3C Trace Context level 2, section 3.2.2.5. */
export const traceFlags = {
  /** The caller may have recorded its part. */
  sampled: 0x01,
  /** At least the last seven bytes of the trace's id are random, so that a ratio of traces can be told by them. */
  random: 0x02,
} as const

/** The flags that are known, and so kept; all others are sent as zero. */
export const knownFlags: number = traceFlags.sampled | traceFlags.random

/**
 * A place in a trace. Made by the parsers, {@link startTrace} and {@link childTrace}; whoever makes one by hand sees to it that
 * both ids are lowercase hexadecimal and not all zero.
 */
export interface TraceContext {
  /** The whole trace: 32 digits. */
  readonly traceId: string
  /** The operation that calls, as those that it calls will see it: 16 digits. */
  readonly parentId: string
  /** See {@link traceFlags}. */
  readonly flags: number
  /** What tracing systems tell each other. */
  readonly state: TraceState
}

export interface StartOptions {
  /** Whether it is recorded. Default false: whoever records says so. */
  sampled?: boolean
}

/**
 * The first place of a new trace.
 *
 * @param random uniform numbers with 32 random bits. Ids are seen by everybody on the way: those of a source of secrets
 *   tell nothing about the others.
 */
export function startTrace(random: Random, { sampled = false }: StartOptions = {}): TraceContext {
  return {
    traceId: randomHex(random, 4),
    parentId: randomHex(random, 2),
    flags: sampled ? knownFlags : traceFlags.random,
    state: TraceState.empty,
  }
}

/**
 * The place of an operation below `trace`: the same trace, flags and state with an id of its own. Without a trace, what
 * {@link startTrace} gives: that is what has to be done where a traceparent was missing or invalid.
 */
export function childTrace(trace: TraceContext | undefined, random: Random): TraceContext {
  if (trace === undefined) return startTrace(random)
  const { traceId, flags, state } = trace
  return { traceId, parentId: randomHex(random, 2), flags, state }
}

/** Whether the operation that calls may have been recorded. */
export function isSampled(trace: TraceContext): boolean {
  return (trace.flags & traceFlags.sampled) !== 0
}
