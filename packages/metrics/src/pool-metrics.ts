import { Counter, Gauge, type Registry } from 'prom-client'

/** What a pool says of itself: those of @qps/pool do. */
export interface PoolFigures {
  held: number
  idle: number
  waiting: number
  acquired: number
  rejected: number
  forgotten: number
  /** Of buffers: what is allocated, and what of it is lent. Absent where a pool lends objects. */
  bytesReserved?: number
  bytesHeld?: number
}

/** A pool to be watched. */
export interface WatchedPool {
  /** The label `pool` of its series; short, and one of a few that the program knows. */
  name: string
  stats(): PoolFigures
}

/**
 * The metrics of pools, read when scraped: nothing is counted in acquire or release for their sake.
 *
 * @param pools all of the process, with different names.
 * @example poolMetrics(registry, [buffers])
 */
export function poolMetrics(registry: Registry, pools: readonly WatchedPool[]): void {
  const gauge = (name: string, help: string, states: Readonly<Record<string, keyof PoolFigures>>): void => {
    new Gauge({
      name,
      help,
      labelNames: ['pool', 'state'],
      registers: [registry],
      collect() {
        for (const [pool, figures] of read(pools)) {
          for (const [state, key] of Object.entries(states)) {
            if (figures[key] !== undefined) this.set({ pool, state }, figures[key])
          }
        }
      },
    })
  }
  const counter = (name: string, help: string, key: keyof PoolFigures): void => {
    new Counter({
      name,
      help,
      labelNames: ['pool'],
      registers: [registry],
      collect() {
        this.reset()
        for (const [pool, figures] of read(pools)) this.inc({ pool }, figures[key])
      },
    })
  }
  gauge('pool_leases', 'Leases of a pool, by state: held, idle, or waited for.', {
    held: 'held',
    idle: 'idle',
    waiting: 'waiting',
  })
  gauge('pool_memory_bytes', 'Memory of a pool of buffers: all that it has allocated, and what of it is lent.', {
    reserved: 'bytesReserved',
    held: 'bytesHeld',
  })
  counter('pool_acquired_total', 'Leases given.', 'acquired')
  counter('pool_rejected_total', 'Callers who got no lease, because the pool was at its bound.', 'rejected')
  counter('pool_forgotten_total', 'Leases that the collector freed before they were given back.', 'forgotten')
}

function read(pools: readonly WatchedPool[]): [string, PoolFigures][] {
  return pools.map((pool) => [pool.name, pool.stats()])
}
