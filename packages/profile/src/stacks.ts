import type { CallFrame, CpuNode, CpuProfile, HeapNode, HeapProfile } from './v8-formats.ts'

/** What one stack of calls has cost by itself, without what it called. */
export interface Stack {
  /** The running function first, then who called it. */
  frames: readonly CallFrame[]
  /** The line of the running function, from 1; 0 where V8 does not tell. */
  line: number
  samples: number
  /** Nanoseconds of CPU, or bytes. */
  value: number
}

/** Not work: nothing ran. */
const notWork: ReadonlySet<string> = new Set(['(root)', '(idle)'])

/**
 * The stacks of a CPU profile with the time that each was seen running. A sample counts until the next one. Time in which
 * the thread waited is left out.
 */
export function* cpuStacks(profile: CpuProfile): Generator<Stack> {
  const parents = new Map<number, CpuNode>()
  for (const node of profile.nodes) for (const child of node.children ?? []) parents.set(child, node)
  const seen = selfTimes(profile)
  for (const node of profile.nodes) {
    const self = seen.get(node.id)
    if (self === undefined || notWork.has(node.callFrame.functionName)) continue
    const frames: CallFrame[] = []
    for (let at: CpuNode | undefined = node; at && !notWork.has(at.callFrame.functionName); at = parents.get(at.id)) {
      frames.push(at.callFrame)
    }
    yield* byLine(node, frames, self)
  }
}

/** Samples may have ended long before the profile did, at their bound: the last one does not stand for all that followed. */
const lastUsMax = 100_000

interface SelfTime {
  samples: number
  ns: number
}

function selfTimes({ samples = [], timeDeltas = [], startTime, endTime }: CpuProfile): Map<number, SelfTime> {
  const seen = new Map<number, SelfTime>()
  let atUs = startTime + (timeDeltas[0] ?? 0)
  for (const [index, id] of samples.entries()) {
    const delta = timeDeltas[index + 1]
    const nextUs = delta === undefined ? Math.min(endTime, atUs + lastUsMax) : atUs + delta
    const self = seen.get(id) ?? { samples: 0, ns: 0 }
    self.samples++
    // The clock of a sample is read in a signal handler: two of them may come in the wrong order.
    self.ns += Math.max(0, nextUs - atUs) * 1_000
    seen.set(id, self)
    atUs = nextUs
  }
  return seen
}

/** A node's time, divided between its lines as its samples were. */
function* byLine({ positionTicks = [] }: CpuNode, frames: readonly CallFrame[], self: SelfTime): Generator<Stack> {
  const ticks = positionTicks.reduce((sum, position) => sum + position.ticks, 0)
  if (ticks === 0) return yield { frames, line: 0, samples: self.samples, value: Math.round(self.ns) }
  for (const position of positionTicks) {
    const share = position.ticks / ticks
    const samples = Math.round(self.samples * share)
    yield { frames, line: position.line, samples, value: Math.round(self.ns * share) }
  }
}

/** The stacks of a heap profile with the bytes that each has allocated. V8 keeps no lines of them, only functions. */
export function* heapStacks(profile: HeapProfile): Generator<Stack> {
  const samples = new Map<number, number>()
  for (const { nodeId } of profile.samples ?? []) samples.set(nodeId, (samples.get(nodeId) ?? 0) + 1)
  yield* belowHeapNode(profile.head, [], samples)
}

function* belowHeapNode(
  node: HeapNode,
  callers: readonly CallFrame[],
  samples: ReadonlyMap<number, number>,
): Generator<Stack> {
  const frames = notWork.has(node.callFrame.functionName) ? callers : [node.callFrame, ...callers]
  if (node.selfSize > 0) {
    yield { frames, line: 0, samples: samples.get(node.id) ?? 0, value: Math.round(node.selfSize) }
  }
  for (const child of node.children) yield* belowHeapNode(child, frames, samples)
}
