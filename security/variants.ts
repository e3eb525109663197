import { type StageProcess, startStage } from '@qps/testkit'

/** A server that the rows of the security table are tried on. */
export interface Variant {
  stage: string
  variant: string
  /** Whether the rows hold. A variant that is not hardened shows the stock behavior instead, on purpose. */
  hardened: boolean
}

export const variants: readonly Variant[] = [
  { stage: '01-minimal-server', variant: 'minimal', hardened: false },
  { stage: '01-minimal-server', variant: 'hardened', hardened: true },
  { stage: '01-minimal-server', variant: 'observed', hardened: true },
  { stage: '02-event-loop', variant: 'libuv', hardened: true },
  { stage: '02-event-loop', variant: 'epoll', hardened: true },
  { stage: '02-event-loop', variant: 'io_uring', hardened: true },
  { stage: '04-memory-pooling', variant: 'zero', hardened: true },
]

export const hardenedVariants: readonly Variant[] = variants.filter(({ hardened }) => hardened)
export const stockVariants: readonly Variant[] = variants.filter(({ hardened }) => !hardened)

/**
 * Those whose memory differs though their limits do not: processes and threads, another framework, other ways to make an
 * answer. `unsafe` of stage 4 is missing on purpose: it shows what this row forbids, and its own tests show that it does.
 */
export const reusingVariants: readonly Variant[] = [
  ...hardenedVariants,
  ...['baseline', 'cluster', 'reuseport', 'fastify-netpoll'].map((variant) => of('02-event-loop', variant)),
  of('03-http2-grpc', 'baseline'),
  ...['baseline', 'naive', 'compiled', 'pooled'].map((variant) => of('04-memory-pooling', variant)),
]

function of(stage: string, variant: string): Variant {
  return { stage, variant, hardened: true }
}

/** Starts a variant as a process of its own. */
export function start({ stage, variant }: Variant): Promise<StageProcess> {
  return startStage(stage, ['--variant', variant])
}
