import type { Measure } from '../src/measures.ts'
import { type Expectation, type ServerScenario, stageVariant, statusAnswer } from '../src/scenario.ts'

const stage = '02-event-loop'
const variants = ['cluster', 'reuseport']

function raised(measure: Measure, variant: string, says: string): Expectation {
  return {
    claim: '2.1c',
    says: `on ${variant}, ${says}`,
    measure,
    variant,
    at: { workers: 8 },
    versus: variant,
    versusAt: { workers: 2 },
    direction: 'higher',
  }
}

/**
 * Question: what do more event loops than cores cost, and does it matter who hands out the connections?
 *
 * Claims: 2.1c (more Ps than cores raise the contention).
 *
 * Method: worker counts below, at and above two cores, with connections dealt in turn by a primary process and by the
 * kernel. Context switches are of all threads of the process tree: waits are voluntary, preemptions are not.
 */
export const workers: ServerScenario = {
  name: '02-workers',
  question: 'What do more event loops than cores cost, and does it matter who hands out the connections?',
  claims: ['2.1c'],
  method:
    'Keep-alive GET / over 64 connections of HTTP/1.1 on loopback, closed loop, with 1, 2, 4 and 8 workers: processes whose ' +
    'primary deals the connections in turn, and threads that listen on one port each with SO_REUSEPORT. CPU and context ' +
    'switches per request of the whole process tree, from the operating system; a fresh process per arm, input and round.',
  answer: statusAnswer,
  phases: [
    {
      name: 'closed',
      connections: 64,
      warmupS: 1,
      durationS: 4,
      gives: {
        cpuUsPerRequest: 'serverCpuUsPerRequest',
        generatorCpuUsPerRequest: 'generatorCpuUsPerRequest',
        achievedQps: 'achievedQps',
        latencyMsP50: 'latencyMsP50',
        latencyMsP99: 'latencyMsP99',
        voluntarySwitchesPerRequest: 'voluntarySwitchesPerRequest',
        involuntarySwitchesPerRequest: 'involuntarySwitchesPerRequest',
        residentBytes: 'residentBytes',
      },
    },
  ],
  sweep: [1, 2, 4, 8].map((count) => ({
    inputs: { workers: count },
    args: ['--workers', String(count)],
    headline: count === 2,
  })),
  variants: variants.map((name) => stageVariant(stage, name)),
  peers: [],
  decidedBy: 'cpuUsPerRequest',
  expectations: variants.flatMap((variant) => [
    raised('cpuUsPerRequest', variant, 'eight workers cost more CPU per request than two'),
    raised('involuntarySwitchesPerRequest', variant, 'eight workers are preempted more often per request than two'),
  ]),
}
