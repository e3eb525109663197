import { join } from 'node:path'
import { minimalServer } from '../scenarios/01-minimal-server.scenario.ts'
import type { ArmSpec } from '../src/arm.ts'
import type { Phase, Protocol, ServerScenario, Variant } from '../src/scenario.ts'

const server = join(import.meta.dirname, 'fixtures', 'server.mjs')

/** The fixture server as a variant; see fixtures/server.mjs for its options. */
export function fixtureVariant(name: string, ...options: string[]): Variant {
  return { name, command: ['{node}', server, ...options] }
}

/** The fixture server as an arm that can be started. */
export function fixtureArm(name: string, ...options: string[]): ArmSpec {
  return { name, kind: 'ours', command: [process.execPath, server, ...options], folder: import.meta.dirname }
}

/** A server of HTTP/2 and gRPC as an arm that is asked in one of them; see fixtures/streams.mjs for its options. */
export function streamsArm(name: string, protocol: Protocol, ...options: string[]): ArmSpec {
  const program = join(import.meta.dirname, 'fixtures', 'streams.mjs')
  return { ...fixtureArm(name), protocol, command: [process.execPath, program, ...options] }
}

export const rightAnswer: ServerScenario['answer'] = minimalServer.answer

/** A moment each, few connections. */
export const shortPhases: Phase[] = minimalServer.phases.map((phase) => ({
  ...phase,
  connections: 8,
  ...(phase.rateQps === undefined ? {} : { rateQps: 200 }),
  warmupS: 0.1,
  durationS: 0.3,
}))

/** An experiment over two fixture servers, the second of which wastes CPU. */
export function fixtureScenario(changes: Partial<ServerScenario> = {}): ServerScenario {
  return {
    name: '00-fixture',
    question: 'Is a planted difference found?',
    claims: ['0.0'],
    method: 'two servers of a few lines',
    answer: rightAnswer,
    phases: shortPhases,
    variants: [fixtureVariant('lean'), fixtureVariant('wasteful', '--work', '200000')],
    peers: [],
    decidedBy: 'cpuUsPerRequest',
    expectations: [
      {
        claim: '0.0',
        says: 'the wasteful one costs more',
        measure: 'cpuUsPerRequest',
        variant: 'wasteful',
        versus: 'lean',
        direction: 'higher',
      },
    ],
    ...changes,
  }
}
