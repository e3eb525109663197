import type { Measure } from './measures.ts'

/**
 * An experiment, as data. It opens with what is asked and how it is answered; the runner knows nothing about any single
 * scenario, and a scenario contains no code that measures.
 */
export interface Scenario {
  /** Two digits of the chapter and a slug; also the name of the results file. */
  name: string
  question: string
  /** Ids of the article's claims that the verdict speaks about. */
  claims: readonly string[]
  /** How the question is answered, for a reader who wants to object. */
  method: string
  /** What every arm must answer before it is timed. */
  answer: RightAnswer
  /** Loads that every arm gets in every round, in this order. */
  phases: readonly Phase[]
  /** Our arms. The first one is run twice: its two arms differ by noise alone. */
  variants: readonly Variant[]
  /** Folders of `bench/peers`. */
  peers: readonly string[]
  /** The measure whose noise floor stands in the result, and which `bench:compare` judges by. */
  decidedBy: Measure
  /** What `held` means: every one of these must hold. */
  expectations: readonly Expectation[]
}

/** One arm of ours: a program that prints a `listening` event. */
export interface Variant {
  name: string
  /** Program and arguments. `{node}` is the Node that runs the bench, `{root}` the top folder of the tree under test. */
  command: readonly string[]
}

export interface RightAnswer {
  path: string
  status: number
  contentType: string
  /** The whole body must match. A group named `ts` must be a Unix time in ms, at most a minute from now. */
  body: RegExp
}

/** What one load can tell; a phase says under which key each is kept. */
export type Reading =
  | 'serverCpuUsPerRequest'
  | 'generatorCpuUsPerRequest'
  | 'achievedQps'
  | 'latencyMsP50'
  | 'latencyMsP99'
  | 'latencyMsP999'
  | 'residentBytes'

/** One load: closed loop without `rateQps`, open loop with it. */
export interface Phase {
  name: string
  connections: number
  /** Requests per second offered, whatever the server does. Choose one that every arm should hold. */
  rateQps?: number
  /** Default 1: the next request waits for the answer. */
  pipeline?: number
  /** Unmeasured load before the measured one, so that compilers and caches are warm. Seconds. */
  warmupS: number
  /** Measured load, seconds; `--seconds` replaces it. */
  durationS: number
  gives: Partial<Record<Measure, Reading>>
}

/** A sentence that the medians make true or false. Choose its bound before measuring. */
export type Expectation = {
  claim: string
  /** The expectation in words: it stands in the verdict's reasons. */
  says: string
  measure: Measure
  variant: string
} & (
  | { atLeast: number }
  | { atMost: number }
  /** The variant's median is at most `ratioAtMost` times that of `versus`. */
  | { versus: string; ratioAtMost: number }
  /** The variant's median is lower or higher than that of `versus`, by more than the noise floor. */
  | { versus: string; direction: 'lower' | 'higher' }
)

/** A variant of one of our stages, started as `npm run stage:N` does. */
export function stageVariant(stageFolder: string, variant: string): Variant {
  const main = `{root}/stages/${stageFolder}/dist/main.js`
  const options = ['--variant', variant, '--port', '0', '--admin-port', '0', '--json', '--quiet']
  return { name: variant, command: ['{node}', main, ...options] }
}
