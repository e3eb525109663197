import type { SpanExporter } from '@opentelemetry/sdk-trace-base'
import { checkInteger } from '@qps/core'
import { tracingDefaults } from './options.ts'

export interface OtlpOptions {
  /** How long one batch may take, retries included, in milliseconds, 1 to 600,000. Default 10,000. */
  timeoutMs?: number
  /** Header fields of each request, such as one that authorizes. */
  headers?: Readonly<Record<string, string>>
}

/**
 * Sends spans to a collector by OTLP over HTTP. The exporter is loaded here and not before: a process without a collector
 * does not pay for it.
 *
 * @param url of the collector's traces, usually `http://localhost:4318/v1/traces`.
 * @throws QpsError QPS_OPTION for an option out of its range.
 */
export async function otlpExporter(url: string, options: OtlpOptions = {}): Promise<SpanExporter> {
  const timeoutMillis = checkInteger('timeoutMs', options.timeoutMs ?? tracingDefaults.exportTimeoutMs, {
    min: 1,
    max: 600_000,
  })
  const { OTLPTraceExporter } = await import('@opentelemetry/exporter-trace-otlp-http')
  return new OTLPTraceExporter({ url, timeoutMillis, headers: { ...options.headers } })
}
