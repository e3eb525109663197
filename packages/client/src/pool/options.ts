import { checkInteger, checkNumber, type Clock, describe, QpsError, type Random, systemClock } from '@qps/core'

/** How a {@link ConnectionPool} behaves. `connect` and `close` are the only parts that know what a connection is. */
export interface ConnectionPoolOptions<T> {
  /**
   * Opens one connection. Must reject when `signal` aborts (the pool closed, or `connectTimeoutMs` passed); a connection
   * that arrives after that is closed unseen.
   */
  connect: (signal: AbortSignal) => Promise<T>
  /**
   * Closes one connection; called exactly once for each that `connect` gave, whoever ended it. What it throws is ignored:
   * there is nothing left to do with a connection that will not even close.
   */
  close: (connection: T) => void | Promise<void>
  /** Connections connecting, idle and busy together, 1 to 65,536. Default 64. */
  connectionsMax?: number
  /** Idle connections kept, 0 to `connectionsMax`; the one idle for longest makes room. Default `connectionsMax`. */
  idleMax?: number
  /** Callers that wait for a connection, 0 to 1,048,576; further ones are refused. Default 1024. */
  waitersMax?: number
  /** An idle connection is closed after so long, in milliseconds, at least 1. Default 30,000. */
  idleTimeoutMs?: number
  /** No connection is handed out at this age or later, in milliseconds, at least 1. Default 300,000. */
  lifetimeMs?: number
  /**
   * Share of the lifetime, 0..1, by which each connection's own may be shorter, drawn at random: connections opened in one
   * burst must not all be replaced in one burst. Default 0.1.
   */
  lifetimeJitterRatio?: number
  /** An attempt to connect is given up after so long, in milliseconds, at least 1. Default 5000. */
  connectTimeoutMs?: number
  /** Default the system's. */
  clock?: Clock
  /** Draws the jitter. Default `Math.random`. */
  random?: Random
}

/** What applies where an option of {@link ConnectionPoolOptions} is left out. */
export const poolDefaults = {
  connectionsMax: 64,
  waitersMax: 1024,
  idleTimeoutMs: 30_000,
  lifetimeMs: 300_000,
  lifetimeJitterRatio: 0.1,
  connectTimeoutMs: 5000,
} as const

/** @throws QpsError QPS_OPTION naming the option, its value and its range. */
export function planPool<T>(options: ConnectionPoolOptions<T>): Required<ConnectionPoolOptions<T>> {
  const { connect, close, clock = systemClock, random = Math.random } = options
  for (const [name, value] of Object.entries({ connect, close })) {
    if (typeof value !== 'function') {
      throw new QpsError('QPS_OPTION', `${name} must be a function, not ${describe(value)}`)
    }
  }
  const given = { ...poolDefaults, ...definedOf(options) }
  const connectionsMax = checkInteger('connectionsMax', given.connectionsMax, { min: 1, max: 65_536 })
  return {
    connect,
    close,
    clock,
    random,
    connectionsMax,
    idleMax: checkInteger('idleMax', options.idleMax ?? connectionsMax, { min: 0, max: connectionsMax }),
    waitersMax: checkInteger('waitersMax', given.waitersMax, { min: 0, max: 1_048_576 }),
    idleTimeoutMs: checkNumber('idleTimeoutMs', given.idleTimeoutMs, { min: 1 }),
    lifetimeMs: checkNumber('lifetimeMs', given.lifetimeMs, { min: 1 }),
    lifetimeJitterRatio: checkNumber('lifetimeJitterRatio', given.lifetimeJitterRatio, { min: 0, max: 1 }),
    connectTimeoutMs: checkNumber('connectTimeoutMs', given.connectTimeoutMs, { min: 1 }),
  }
}

/** An option given as undefined is an option left out. */
function definedOf<O extends object>(options: O): Partial<O> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<O>
}
