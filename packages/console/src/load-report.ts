import type { LoadResult } from '@qps/loadgen'
import { formatMs, formatNumber } from './format.ts'

/** What several requests on one connection are called. */
const inFlight = {
  h1: 'pipelined',
  h2: 'streams each of HTTP/2',
  h3: 'streams each of HTTP/3',
  grpc: 'streams each of gRPC',
}

/**
 * A load's result as a person reads it: what was offered and achieved, the latency, what each side paid, and why the
 * figures cannot be trusted where they cannot.
 *
 * @param serverCpuUsPerRequest the server's own CPU, where it is known.
 */
export function loadReport(result: LoadResult, serverCpuUsPerRequest?: number): string {
  const { latencyMs, offeredQps } = result
  const shape = offeredQps === null ? 'closed loop' : `open loop, ${formatNumber(offeredQps)} QPS offered`
  const pipeline = result.pipeline > 1 ? `, ${result.pipeline} ${inFlight[result.protocol]}` : ''
  const kinds = Object.entries(result.errorsByKind).filter(([, count]) => count > 0)
  const errors =
    kinds.length === 0 ? '0' : `${result.errors} (${kinds.map(([kind, count]) => `${kind} ${count}`).join(', ')})`
  const status = Object.entries(result.status).map(([code, count]) => `${code}: ${formatNumber(count)}`)
  if (result.grpcStatus !== undefined) {
    status.push(...Object.entries(result.grpcStatus).map(([code, count]) => `grpc ${code}: ${formatNumber(count)}`))
  }
  const lines = [
    `${result.url}  ${shape}, ${result.connections} connections${pipeline}, ${formatNumber(result.durationS)} s`,
    row('rate', `${formatNumber(result.achievedQps)} QPS, ${formatNumber(result.requests)} requests, errors ${errors}`),
    row('status', status.join(', ') || 'none'),
    row(
      'latency',
      (['mean', 'p50', 'p90', 'p99', 'p999', 'max'] as const)
        .map((key) => `${key} ${formatMs(latencyMs[key])}`)
        .join('  '),
    ),
    row('CPU', cpuOf(result, serverCpuUsPerRequest)),
    row(
      'checks',
      result.valid
        ? `valid (Little's law ${result.littleRatio.toFixed(3)})`
        : `NOT VALID: ${result.reasons.join('; ')}`,
    ),
  ]
  if (result.valid && result.reasons.length > 0) lines.push(row('note', result.reasons.join('; ')))
  return lines.join('\n')
}

function cpuOf(result: LoadResult, serverCpuUsPerRequest: number | undefined): string {
  const generator = `generator ${formatNumber(result.generatorCpuUsPerRequest)} µs per request`
  if (serverCpuUsPerRequest === undefined) return generator
  const cores = formatNumber(serverCpuUsPerRequest)
  return `server ${cores} µs per request (${cores} cores for a million a second), ${generator}`
}

function row(label: string, text: string): string {
  return `  ${label.padEnd(8)} ${text}`
}
