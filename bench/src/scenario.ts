import type { Measure } from './measures.ts'

/** An experiment, as data: of servers, which the runner loads, or of programs, which load or measure something themselves. */
export type Scenario = ServerScenario | ProgramScenario

/**
 * What all experiments have. One opens with what is asked and how it is answered; the runner knows nothing about any single
 * scenario, and a scenario contains no code that measures.
 */
interface Experiment {
  /** Two digits of the chapter and a slug; also the name of the results file. */
  name: string
  question: string
  /** Ids of the article's claims that the verdict speaks about. */
  claims: readonly string[]
  /** How the question is answered, for a reader who wants to object. */
  method: string
  /** Our arms. The first one is run twice: its two arms differ by noise alone. */
  variants: readonly Variant[]
  /** Folders of `bench/peers`. */
  peers: readonly string[]
  /**
   * The same arms under several inputs. The headline is the point that says so, else the first; it is what `variants` of the
   * result holds, and the only one whose first arm has a twin. Absent: one point without inputs.
   */
  sweep?: readonly SweepPoint[]
  /** The measure whose noise floor stands in the result, and which `bench:compare` judges by. */
  decidedBy: Measure
  /** What `held` means: every one of these must hold. */
  expectations: readonly Expectation[]
}

/** The arms are servers. */
export interface ServerScenario extends Experiment {
  /** What every arm must answer before it is timed. */
  answer: RightAnswer
  /** Loads that every arm gets in every round, in this order. */
  phases: readonly Phase[]
  /** After the loads: connections of HTTP/1.1 that are held open and ask for nothing. */
  idle?: IdlePhase
  program?: undefined
  /**
   * Measures that only lower bounds are asked of, each with the reason why that is enough: a generator at its limit has
   * then shown less than the server can do, and does not make them void.
   */
  lowerBounds?: Partial<Record<Measure, string>>
}

/** The arms are programs that print what they did: clients, generators, experiments without a server. */
export interface ProgramScenario extends Experiment {
  program: ProgramPlan
}

/** What an arm that is a program is told, and what is read of it. */
export interface ProgramPlan {
  /** Options for every arm, peers too: `{ connections: 64 }` is `--connections 64`. The inputs of a sweep's point come on top. */
  settings: Inputs
  /** The server that the arms send to, started anew for each run; its address is `--target URL`. */
  target?: Target
  /** Before the measured time, `--warmup S`: so that compilers and caches are warm. Seconds. */
  warmupS: number
  /** Measured time, `--seconds S`; the runner's own `--seconds` replaces it. */
  durationS: number
  gives: Partial<Record<Measure, ProgramReading>>
}

/** A server for programs: of the two the first that can be started here. */
export interface Target {
  /** A folder of `bench/peers`. */
  peer: string
  otherwise: Variant
  /** Checked before each run; its path is that of the target's URL. */
  answer: RightAnswer
}

/**
 * What a program can tell. CPU is that of its process tree, from the operating system, per request that it says it completed;
 * a figure is one that it prints by this name.
 */
export type ProgramReading = 'cpuUsPerRequest' | 'achievedQps' | 'residentBytes' | `figures.${string}`

/** What distinguishes one point of a sweep from the others, e.g. `{ workers: 4 }`. */
export type Inputs = Readonly<Record<string, string | number>>

/** One point of a sweep; what it leaves out is as the scenario says. */
export interface SweepPoint {
  inputs: Inputs
  headline?: boolean
  /** Where the arms are servers. */
  phases?: readonly Phase[]
  /** Further arguments of every variant of ours. */
  args?: readonly string[]
}

/** How an arm is asked. */
export interface Access {
  /** Default `h1`. */
  protocol?: Protocol
  /** Over TLS, whoever has issued the certificate; `h3` always is. */
  tls?: boolean
}

/** `h2` and `grpc` are spoken with prior knowledge, or over TLS by ALPN; `h3` over QUIC, which has TLS in it. */
export const protocols = ['h1', 'h2', 'h3', 'grpc'] as const
export type Protocol = (typeof protocols)[number]

/** One arm of ours: a program that prints a `listening` event, or in a {@link ProgramScenario} what it has measured. */
export interface Variant extends Access {
  name: string
  /** Program and arguments. `{node}` is the Node that runs the bench, `{root}` the top folder of the tree under test. */
  command: readonly string[]
}

/** What is right, over whatever protocol an arm is asked. */
export interface RightAnswer {
  path: string
  /**
   * h1: what loads ask for instead, a range such as `/items/[1-1000]` that `path` is one of, so that no request is answered from
   * what the one before has left in a cache. Every answer must be 2xx; the right one is checked at `path`.
   */
  loadPath?: string
  /** h1: asked by POST, without a body. Default by GET. */
  method?: 'POST'
  status: number
  contentType: string
  /** The whole body must match. A group named `ts` must be a Unix time in ms, at most a minute from now. */
  body: RegExp
  /**
   * A path that sends a request's body back, as `/echo` of the stages does. Among pipelined requests to arms of ours every
   * second one goes there with a number of its own, so that answers out of order are found out.
   */
  echoPath?: string
  /**
   * Paths of two methods of gRPC, where arms speak it. Requests and replies hold in field 1: nothing and the body above; a
   * payload and the same payload.
   */
  grpc?: { path: string; echoPath: string }
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
  | 'voluntarySwitchesPerRequest'
  | 'involuntarySwitchesPerRequest'
  /** What the resident set has grown by from before the load to behind it. */
  | 'residentGrowthBytes'
  | MemoryReading

/**
 * What a server tells of its memory on its admin port, as stages of ours do; of any other arm there is none. `PerMillion` is of
 * requests: what happened in the load, divided by its requests, times 1,000,000. A pause is any of the collector's.
 */
export type MemoryReading =
  'heapBytesPerRequest' | 'externalBytes' | 'scavengesPerMillion' | 'markCompactsPerMillion' | 'gcPauseMsP99'

/** What idle connections can tell. */
export type IdleReading = 'bytesPerConnection' | 'idleCpuRatio'

/** One load: closed loop without `rateQps`, open loop with it. */
export interface Phase {
  name: string
  connections: number
  /** Requests per second offered, whatever the server does. Choose one that every arm should hold. */
  rateQps?: number
  /** Requests in flight on each connection, default 1: the next request waits for the answer. With h2, h3 and grpc: streams. */
  pipeline?: number
  /** Instead of the right answer's `path` its echo is asked for, with so many bytes. */
  echoBytes?: number
  /** h2, h3 and grpc: what the server may send ahead of the generator, on each stream and on the connection. Default: no limit. */
  windowBytes?: number
  /** Header fields beside Host, e.g. `Connection: close`. */
  headers?: Readonly<Record<string, string>>
  /** Generating threads, default 1. More where one would be the limit; they share the cores with the server. */
  threads?: number
  /** Unmeasured load before the measured one, so that compilers and caches are warm. Seconds. */
  warmupS: number
  /** Measured load, seconds; `--seconds` replaces it. */
  durationS: number
  gives: Partial<Record<Measure, Reading>>
}

/** Connections that were answered once, and then are only held. */
export interface IdlePhase {
  connections: number
  /** From one address of loopback; the others come from the next ones. Keep below what a server allows an address. */
  connectionsPerAddress: number
  /** Between the last answer and the measured time, so that what ends with the answers is over. Seconds. */
  settleS: number
  /** Measured time, seconds; `--seconds` replaces it. */
  durationS: number
  gives: Partial<Record<Measure, IdleReading>>
}

/** A sentence that the medians make true or false. Choose its bound before measuring. */
export type Expectation = {
  claim: string
  /** The expectation in words: it stands in the verdict's reasons. */
  says: string
  measure: Measure
  variant: string
  /** The point of the sweep that is spoken of; absent: the headline. */
  at?: Inputs
} & (
  | { atLeast: number }
  | { atMost: number }
  /** The variant's median is at most `ratioAtMost` times that of `versus`. */
  | ({ ratioAtMost: number } & Counterpart)
  /** The variant's median is at least `ratioAtLeast` times that of `versus`. */
  | ({ ratioAtLeast: number } & Counterpart)
  /** The variant's median is lower or higher than that of `versus`, by more than the noise floor. */
  | ({ direction: 'lower' | 'higher' } & Counterpart)
)

/** What a variant is compared with: another one, or itself at another point of the sweep. */
interface Counterpart {
  versus: string
  /** Absent: the same point as `at`. */
  versusAt?: Inputs
}

/** A variant of one of our stages, started as `npm run stage:N` does. */
export function stageVariant(
  stageFolder: string,
  variant: string,
  args: readonly string[] = [],
  access: Access = {},
): Variant {
  const main = `{root}/stages/${stageFolder}/dist/main.js`
  const options = ['--variant', variant, '--port', '0', '--admin-port', '0', '--json', '--quiet', ...args]
  return { name: variant, command: ['{node}', main, ...options], ...access }
}

/** A program of `bench/programs`. */
export function programVariant(name: string, program: string, args: readonly string[] = []): Variant {
  return { name, command: ['{node}', `{root}/bench/dist/programs/${program}.js`, ...args] }
}

/** What every stage and peer answers to `GET /`, and the workload's service to the same question. */
export const statusAnswer: RightAnswer = {
  path: '/',
  status: 200,
  contentType: 'application/json',
  body: /^\{"status":"ok","ts":(?<ts>\d{13})\}$/,
  echoPath: '/echo',
  grpc: { path: '/qps.v1.Workload/Status', echoPath: '/qps.v1.Workload/Echo' },
}
