/** How a dependency is for a while. */
export interface FaultPhase {
  durationS: number
  /** Share of the calls that fail, 0..1; two numbers: at the beginning and at the end. */
  errorRatio: number | readonly [number, number]
  latencyMs: number
  /** Whether this is the fault, which a breaker should answer. */
  fault?: boolean
}

export interface FaultTrace {
  /** For a reader. */
  says: string
  /** Independent arrivals at this mean. */
  rateQps: number
  phases: readonly FaultPhase[]
}

/** Later than this, an answer is worth nothing to whoever asked. */
export const patienceMs = 1000

const healthy = (durationS: number): FaultPhase => ({ durationS, errorRatio: 0.01, latencyMs: 20 })
const down = (durationS: number): FaultPhase => ({ durationS, errorRatio: 1, latencyMs: 5, fault: true })
const rateQps = 200

/** Five outages, from bad luck to real life. */
export const faultTraces: Readonly<Record<string, FaultTrace>> = {
  step: { says: 'down for a minute, then well again', rateQps, phases: [healthy(60), down(60), healthy(120)] },
  flap: {
    says: 'six times down for five seconds and well for five',
    rateQps,
    phases: [healthy(60), ...Array.from({ length: 6 }, () => [down(5), healthy(5)]).flat(), healthy(90)],
  },
  slow: {
    says: 'no errors, but three seconds for each answer, for a minute',
    rateQps,
    phases: [healthy(60), { durationS: 60, errorRatio: 0.01, latencyMs: 3000, fault: true }, healthy(120)],
  },
  partial: {
    says: 'three of ten calls fail, for a minute',
    rateQps,
    phases: [healthy(60), { durationS: 60, errorRatio: 0.3, latencyMs: 20, fault: true }, healthy(90)],
  },
  recovery: {
    says: 'down for half a minute, then a minute in which errors become fewer',
    rateQps,
    phases: [healthy(60), down(30), { durationS: 60, errorRatio: [1, 0.01], latencyMs: 20, fault: true }, healthy(90)],
  },
}
