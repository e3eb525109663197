import { Costs, type FunctionCost } from './costs.ts'
import { type ProfileKind, profileLimits } from './options.ts'
import { Pprof, type PprofFacts } from './pprof.ts'
import { cpuStacks, heapStacks, type Stack } from './stacks.ts'
import type { CpuProfile, HeapProfile } from './v8-formats.ts'

/** A thread's profile as V8 wrote it. */
export interface ThreadText {
  /** `main`, or `worker 1`. */
  name: string
  /** JSON: a `.cpuprofile` or a `.heapprofile`. */
  text: string
}

export interface ConversionJob {
  threads: readonly ThreadText[]
  facts: PprofFacts
  /** The project's folder. */
  root: string
}

export interface Conversion {
  /** Gzipped `profile.proto`. */
  pprof: Uint8Array
  /** In the order of the job. @see FunctionCost for the unit. */
  threads: { name: string; total: number }[]
  /** Of all threads, the dearest first. */
  functions: FunctionCost[]
  total: number
}

/** What V8 wrote, as pprof and as a table. Takes time: see {@link convertElsewhere}. */
export function convert({ threads, facts, root }: ConversionJob): Conversion {
  const costs = new Costs(root)
  const pprof = new Pprof(root, facts)
  const totals = threads.map(({ name, text }) => {
    const before = costs.total
    for (const stack of stacksOf(facts.kind, text)) {
      costs.add(stack)
      pprof.add(stack, name)
    }
    return { name, total: costs.total - before }
  })
  return {
    pprof: pprof.encode(),
    threads: totals,
    functions: costs.top(profileLimits.functionsMax),
    total: costs.total,
  }
}

function stacksOf(kind: ProfileKind, text: string): Generator<Stack> {
  return kind === 'cpu' ? cpuStacks(JSON.parse(text) as CpuProfile) : heapStacks(JSON.parse(text) as HeapProfile)
}
