import { Registry } from 'prom-client'

/** A set of metrics. Each server has its own; prom-client's global registry is never touched. */
export type MetricsRegistry = Registry

/** @returns an empty registry in the Prometheus text format. */
export function createRegistry(): MetricsRegistry {
  return new Registry()
}

/** What `/metrics` answers. */
export interface Exposition {
  contentType: string
  body: string
}

/** Renders every metric of the registry; what is read on demand is read now. */
export async function exposition(registry: MetricsRegistry): Promise<Exposition> {
  return { contentType: registry.contentType, body: await registry.metrics() }
}
