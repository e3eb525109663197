/** How a measure is shown and which way is better. */
export interface MeasureInfo {
  /** The heading of its column. */
  title: string
  better: 'lower' | 'higher'
  /** What the raw number counts: decides its text form. */
  unit: 'ns' | 'us' | 'ms' | 'perSecond' | 'bytes' | 'count' | 'share'
}

export type Measure =
  | 'cpuUsPerRequest'
  | 'pacedCpuUsPerRequest'
  | 'generatorCpuUsPerRequest'
  | 'clientCpuUsPerRequest'
  | 'achievedQps'
  | 'latencyMsP50'
  | 'latencyMsP99'
  | 'latencyMsP999'
  | 'residentBytes'
  | 'bytesPerConnection'
  | 'idleCpuRatio'
  | 'voluntarySwitchesPerRequest'
  | 'involuntarySwitchesPerRequest'
  | 'hitRatio'
  | 'cpuUsPerHandshake'
  | 'handshakesPerSecond'
  | 'handshakeBytes'
  | 'roundTrips'
  | 'resumedRatio'
  | 'rightChoices'
  | 'reconnectsPerSecond'
  | 'resets'
  | 'systemCallsPerRequest'
  | 'copiesPerRequest'
  | 'copiedBytesPerRequest'
  | 'answerCopies'
  | 'copiedAfterAll'
  | 'bytesPerRequest'
  | 'scavengesPerMillion'
  | 'markCompactsPerMillion'
  | 'gcPauseMsP99'
  | 'externalBytes'
  | 'residentGrowthBytes'
  | 'nsPerOperation'
  | 'nsPerOperationP99'
  | 'bytesPerOperation'
  | 'cpuUsPerOperation'
  | 'operationsPerSecond'
  | 'megabytesPerSecond'
  | 'goodputRatio'
  | 'refusedRatio'
  | 'wronglyOpenMs'
  | 'timeToOpenMs'
  | 'timeToRecoverMs'
  | 'savedRatio'

/**
 * Every measure that a scenario can give, by its key in `summary`. The first ranks everything: X µs of CPU per request
 * means X cores for a million requests a second, and it varies far less between runs than requests per second do.
 */
export const measures: Readonly<Record<Measure, MeasureInfo>> = {
  cpuUsPerRequest: { title: 'CPU µs/request', better: 'lower', unit: 'us' },
  pacedCpuUsPerRequest: { title: 'CPU µs/request, paced', better: 'lower', unit: 'us' },
  generatorCpuUsPerRequest: { title: 'generator µs/request', better: 'lower', unit: 'us' },
  clientCpuUsPerRequest: { title: 'client CPU µs/request', better: 'lower', unit: 'us' },
  achievedQps: { title: 'QPS', better: 'higher', unit: 'perSecond' },
  latencyMsP50: { title: 'p50', better: 'lower', unit: 'ms' },
  latencyMsP99: { title: 'p99', better: 'lower', unit: 'ms' },
  latencyMsP999: { title: 'p99.9', better: 'lower', unit: 'ms' },
  residentBytes: { title: 'resident', better: 'lower', unit: 'bytes' },
  bytesPerConnection: { title: 'bytes/connection', better: 'lower', unit: 'bytes' },
  idleCpuRatio: { title: 'CPU while idle', better: 'lower', unit: 'share' },
  voluntarySwitchesPerRequest: { title: 'waits/request', better: 'lower', unit: 'count' },
  involuntarySwitchesPerRequest: { title: 'preemptions/request', better: 'lower', unit: 'count' },
  cpuUsPerHandshake: { title: 'server CPU µs/handshake', better: 'lower', unit: 'us' },
  handshakesPerSecond: { title: 'handshakes/s', better: 'higher', unit: 'perSecond' },
  handshakeBytes: { title: 'bytes/handshake', better: 'lower', unit: 'bytes' },
  roundTrips: { title: 'round trips', better: 'lower', unit: 'count' },
  resumedRatio: { title: 'resumed', better: 'higher', unit: 'share' },
  rightChoices: { title: 'right choices by ALPN', better: 'higher', unit: 'count' },
  hitRatio: { title: 'hit ratio', better: 'higher', unit: 'share' },
  reconnectsPerSecond: { title: 'reconnects/s', better: 'lower', unit: 'perSecond' },
  resets: { title: 'resets', better: 'lower', unit: 'count' },
  systemCallsPerRequest: { title: 'system calls/request', better: 'lower', unit: 'count' },
  copiesPerRequest: { title: 'user copies/request', better: 'lower', unit: 'count' },
  copiedBytesPerRequest: { title: 'bytes copied/request', better: 'lower', unit: 'bytes' },
  answerCopies: { title: 'times copied in user space', better: 'lower', unit: 'count' },
  copiedAfterAll: { title: 'copied by the kernel after all', better: 'lower', unit: 'share' },
  bytesPerRequest: { title: 'heap bytes/request', better: 'lower', unit: 'bytes' },
  scavengesPerMillion: { title: 'scavenges/million', better: 'lower', unit: 'count' },
  markCompactsPerMillion: { title: 'mark-compacts/million', better: 'lower', unit: 'count' },
  gcPauseMsP99: { title: 'p99 of pauses', better: 'lower', unit: 'ms' },
  externalBytes: { title: 'outside of the heap', better: 'lower', unit: 'bytes' },
  residentGrowthBytes: { title: 'resident growth', better: 'lower', unit: 'bytes' },
  nsPerOperation: { title: 'ns/operation', better: 'lower', unit: 'ns' },
  nsPerOperationP99: { title: 'p99 of batches, ns/operation', better: 'lower', unit: 'ns' },
  bytesPerOperation: { title: 'heap bytes/operation', better: 'lower', unit: 'bytes' },
  cpuUsPerOperation: { title: 'CPU µs/operation', better: 'lower', unit: 'us' },
  operationsPerSecond: { title: 'operations/s', better: 'higher', unit: 'perSecond' },
  megabytesPerSecond: { title: 'MB/s', better: 'higher', unit: 'perSecond' },
  goodputRatio: { title: 'goodput/capacity', better: 'higher', unit: 'share' },
  refusedRatio: { title: 'refused', better: 'lower', unit: 'share' },
  wronglyOpenMs: { title: 'wrongly open', better: 'lower', unit: 'ms' },
  timeToOpenMs: { title: 'time to open', better: 'lower', unit: 'ms' },
  timeToRecoverMs: { title: 'time to recover', better: 'lower', unit: 'ms' },
  savedRatio: { title: 'saved', better: 'higher', unit: 'share' },
}

export const measureNames: readonly Measure[] = Object.keys(measures) as Measure[]
