// @ts-expect-error the package has no types; what is used of it stands below
import CircuitBreaker from 'opossum'

/** As much of opossum as is measured. */
export interface Opossum<T> {
  fire(action: () => Promise<T>): Promise<T>
}

interface OpossumOptions {
  /** Milliseconds, or false: none. */
  timeout?: number | false
  rollingPercentilesEnabled?: boolean
}

const Circuit = CircuitBreaker as new <T>(
  action: (call: () => Promise<T>) => Promise<T>,
  options: OpossumOptions,
) => Opossum<T>

/** A circuit breaker of opossum in front of whatever it is given; otherwise with its defaults. */
export function openCircuitBreaker<T>(options: OpossumOptions): Opossum<T> {
  return new Circuit((call) => call(), options)
}

/** Whether it refused the call. */
export function isRefusal(error: unknown): boolean {
  return (error as { code?: unknown } | undefined)?.code === 'EOPENBREAKER'
}
