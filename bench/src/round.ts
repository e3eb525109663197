import type { OptionSpec } from '@qps/console'
import { messageOf } from '@qps/core'
import type { LoadOptions, LoadResult } from '@qps/loadgen'
import { type Answer, difference } from './answer.ts'
import { type Arm, type ArmSpec, startArm } from './arm.ts'
import { checkArm } from './arm-check.ts'
import { treeUsage } from './cpu.ts'
import { type Finding, idlePhysics, physics, programPhysics } from './gates.ts'
import { type IdleRecord, measureIdle, readIdle } from './idle.ts'
import type { Measure } from './measures.ts'
import { asksMemory, type MemoryRecord, readMemory, watchMemory } from './memory.ts'
import { measureProgram, type ProgramRecord, programSeconds, readProgram } from './program-run.ts'
import { asked, loadOf } from './question.ts'
import type {
  IdlePhase,
  IdleReading,
  Phase,
  ProgramPlan,
  ProgramReading,
  Reading,
  RightAnswer,
  Scenario,
  ServerScenario,
} from './scenario.ts'
import type { Point } from './sweep.ts'
import type { Switches } from './switches.ts'

/** One load as it was measured, whole. */
export interface PhaseRecord {
  name: string
  /** CPU of the server's process tree over the measured window, µs. */
  serverCpuUs: number
  residentBytes: number
  residentGrowthBytes: number
  /** Context switches of its threads over the same window; absent where the system does not tell them. */
  switches?: Switches
  /** Where the phase asks for it and the server tells. */
  memory?: MemoryRecord
  load: LoadResult
}

/** One arm in one round: everything that was seen, kept also where it is void. */
export interface Round {
  /** From 1. */
  round: number
  /** Place in this round's order, from 1. */
  position: number
  measures: Partial<Record<Measure, number>>
  findings: Finding[]
  phases: PhaseRecord[]
  idle?: IdleRecord
  program?: ProgramRecord
}

/** What an arm gets in a round: a server its loads, a program its options. */
export type RoundPlan = ServerPlan | { program: ProgramPlan }

export type ServerPlan = Pick<ServerScenario, 'answer' | 'phases' | 'lowerBounds'> & {
  idle?: IdlePhase | undefined
  program?: undefined
}

/** The plan of a scenario at one of its points. */
export function planAt(scenario: Scenario, { phases, idle, program }: Point): RoundPlan {
  if (scenario.program === undefined) {
    const { answer, lowerBounds } = scenario
    return { answer, phases, idle, ...(lowerBounds && { lowerBounds }) }
  }
  return { program: program ?? scenario.program }
}

export interface RoundOptions {
  /** Length of every measured load; default: as the phase says. */
  seconds?: number | undefined
  signal?: AbortSignal | undefined
  /** The generator: a process of its own, so that its CPU is accounted apart. */
  load: (options: LoadOptions) => Promise<LoadResult>
  /** Called as time passes: seconds of load done since the last call, and what is going on. */
  onProgress?: ((seconds: number, note: string) => void) | undefined
}

/** `--seconds` of the commands that measure: takes the place of every phase's own length. */
export const secondsOption: OptionSpec = {
  type: 'number',
  value: 'S',
  min: 0.2,
  max: 600,
  help: 'length of each measured load; else as the scenario says',
}

/** The load of a phase, in seconds: what a progress bar counts. */
export function phaseSeconds(phase: Phase, seconds?: number): number {
  return warmupSeconds(phase, seconds) + (seconds ?? phase.durationS)
}

/** What a whole round takes of a bar's time. */
export function roundSeconds(
  { phases, idle, program }: Pick<Point, 'phases' | 'idle' | 'program'>,
  seconds?: number,
): number {
  if (program !== undefined) return programSeconds(program, seconds)
  const loadsS = phases.reduce((sum, phase) => sum + phaseSeconds(phase, seconds), 0)
  return loadsS + (idle === undefined ? 0 : idleSeconds(idle, seconds))
}

function idleSeconds(idle: IdlePhase, seconds?: number): number {
  return 2 * idle.settleS + (seconds ?? idle.durationS)
}

/** A short try needs no long warm-up: at most as long as the measured load. */
function warmupSeconds(phase: Phase, seconds?: number): number {
  return Math.min(phase.warmupS, seconds ?? phase.durationS)
}

/**
 * One arm, one round: a fresh process, the right answer first, then every phase, then a clean end.
 *
 * Whatever goes wrong with the arm is a finding that voids the round; only an interruption is thrown.
 */
export function runRound(spec: ArmSpec, plan: RoundPlan, at: RoundPlace, options: RoundOptions): Promise<Round> {
  return plan.program === undefined
    ? runServerRound(spec, plan, at, options)
    : runProgramRound(spec, plan.program, at, options)
}

/** Where in the experiment a round stands. */
interface RoundPlace {
  round: number
  position: number
  /** What a server's answer is compared with. */
  reference?: Answer | undefined
}

async function runProgramRound(
  spec: ArmSpec,
  program: ProgramPlan,
  { round, position }: RoundPlace,
  options: RoundOptions,
): Promise<Round> {
  const result: Round = { round, position, measures: {}, findings: [], phases: [] }
  try {
    const { record, fault } = await measureProgram(spec, program, options)
    result.program = record
    result.findings.push(...programPhysics(program, record))
    result.measures = measured(program.gives, (reading) => readProgram(reading, record))
    if (fault !== undefined) result.findings.push({ gate: 'end', phase: '', voids: [], message: `it ${fault}` })
  } catch (error) {
    options.signal?.throwIfAborted()
    const voids = Object.keys(program.gives) as Measure[]
    result.findings.push({ gate: 'failed', phase: '', voids, message: messageOf(error) })
  }
  options.onProgress?.(programSeconds(program, options.seconds), 'program')
  return result
}

async function runServerRound(
  spec: ArmSpec,
  { answer, phases, idle, lowerBounds }: ServerPlan,
  at: RoundPlace,
  options: RoundOptions,
): Promise<Round> {
  const result: Round = { round: at.round, position: at.position, measures: {}, findings: [], phases: [] }
  const everything = [...phases, ...(idle ? [idle] : [])].flatMap(({ gives }) => Object.keys(gives) as Measure[])
  try {
    await using arm = await startArm(spec, options.signal)
    const given = await checkArm(arm, { answer, phases })
    const differs = at.reference && difference(given, at.reference, spec.kind)
    if (differs !== undefined) throw new Error(`the answer differs from the first variant's: ${differs}`)
    for (const phase of phases) {
      const record = await runPhase(arm, phase, answer, options)
      result.phases.push(record)
      result.findings.push(...physics(phase, record.load, lowerBounds))
      Object.assign(
        result.measures,
        measured(phase.gives, (reading) => read(reading, record)),
      )
    }
    if (idle !== undefined) {
      const record = await measureIdle(arm.pid, new URL(answer.path, arm.url).href, idle, options)
      result.idle = record
      result.findings.push(...idlePhysics(idle, record))
      Object.assign(
        result.measures,
        measured(idle.gives, (reading) => readIdle(reading, record)),
      )
      options.onProgress?.(idleSeconds(idle, options.seconds), 'idle')
    }
    const fault = await arm.stop()
    if (fault !== undefined) result.findings.push({ gate: 'end', phase: '', voids: [], message: `it ${fault}` })
  } catch (error) {
    options.signal?.throwIfAborted()
    result.findings.push({ gate: 'failed', phase: '', voids: everything, message: messageOf(error) })
  }
  return result
}

/** Warm-up, then the load between two readings of the process tree: CPU of the measured window only. */
async function runPhase(arm: Arm, phase: Phase, answer: RightAnswer, options: RoundOptions): Promise<PhaseRecord> {
  const { seconds, signal, load } = options
  const question = loadOf(asked(arm.spec.protocol ?? 'h1', answer, phase), arm.url)
  const shape: LoadOptions = { ...question, connections: phase.connections, pipeline: phase.pipeline ?? 1 }
  if (arm.url.startsWith('https:')) shape.insecure = true
  if (phase.windowBytes !== undefined) shape.windowBytes = phase.windowBytes
  if (phase.rateQps !== undefined) shape.rateQps = phase.rateQps
  if (phase.headers !== undefined) shape.headers = phase.headers
  if (phase.threads !== undefined) shape.threads = phase.threads
  if (signal !== undefined) shape.signal = signal
  const warmupS = warmupSeconds(phase, seconds)
  if (warmupS > 0)
    await load({ ...shape, durationS: warmupS, onProgress: ticking(options, `${phase.name} warm-up`, warmupS) })
  const durationS = seconds ?? phase.durationS
  const endWatch = asksMemory(phase) ? await watchMemory(arm.admin, signal) : undefined
  const before = treeUsage(arm.pid)
  const result = await load({ ...shape, durationS, onProgress: ticking(options, phase.name, durationS) })
  const after = treeUsage(arm.pid)
  signal?.throwIfAborted()
  const memory = await endWatch?.()
  return {
    name: phase.name,
    serverCpuUs: after.cpuUs - before.cpuUs,
    residentBytes: after.residentBytes,
    residentGrowthBytes: after.residentBytes - before.residentBytes,
    ...(after.switches && before.switches && { switches: switchesBetween(before.switches, after.switches) }),
    ...(memory && { memory }),
    load: result,
  }
}

function switchesBetween(before: Switches, after: Switches): Switches {
  return { voluntary: after.voluntary - before.voluntary, involuntary: after.involuntary - before.involuntary }
}

/** Turns the generator's elapsed time into steps for a bar. */
function ticking({ onProgress }: RoundOptions, note: string, totalS: number): NonNullable<LoadOptions['onProgress']> {
  let shownS = 0
  return ({ elapsedS }) => {
    const nowS = Math.min(elapsedS, totalS)
    onProgress?.(nowS - shownS, note)
    shownS = nowS
  }
}

function measured<Of extends Reading | IdleReading | ProgramReading>(
  gives: Partial<Record<Measure, Of>>,
  valueOf: (reading: Of) => number,
): Partial<Record<Measure, number>> {
  const values: Partial<Record<Measure, number>> = {}
  for (const [measure, reading] of Object.entries(gives) as [Measure, Of][]) {
    const value = valueOf(reading)
    if (Number.isFinite(value)) values[measure] = value
  }
  return values
}

function read(reading: Reading, record: PhaseRecord): number {
  const { load, serverCpuUs, residentBytes, residentGrowthBytes, switches } = record
  switch (reading) {
    case 'serverCpuUsPerRequest':
      return serverCpuUs / load.requests
    case 'generatorCpuUsPerRequest':
      return load.generatorCpuUsPerRequest
    case 'achievedQps':
      return load.achievedQps
    case 'latencyMsP50':
      return load.latencyMs.p50
    case 'latencyMsP99':
      return load.latencyMs.p99
    case 'latencyMsP999':
      return load.latencyMs.p999
    case 'residentBytes':
      return residentBytes
    case 'voluntarySwitchesPerRequest':
      return (switches?.voluntary ?? NaN) / load.requests
    case 'involuntarySwitchesPerRequest':
      return (switches?.involuntary ?? NaN) / load.requests
    case 'residentGrowthBytes':
      return residentGrowthBytes
    case 'heapBytesPerRequest':
    case 'externalBytes':
    case 'scavengesPerMillion':
    case 'markCompactsPerMillion':
    case 'gcPauseMsP99':
      return readMemory(reading, record.memory, load.requests)
  }
}
