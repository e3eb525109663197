/** Where a function stands. Numbers count from 0; -1 where there is no source. */
export interface CallFrame {
  /** Empty for a function without a name; in parentheses for what is no function, such as `(garbage collector)`. */
  functionName: string
  /** `file:///…`, `node:…`, a path for CommonJS; empty for what has no script. */
  url: string
  lineNumber: number
  columnNumber: number
}

/** One function in one context of callers. */
export interface CpuNode {
  id: number
  callFrame: CallFrame
  /** Identifiers. */
  children?: number[]
  /** How many samples were taken on which line, which counts from 1. */
  positionTicks?: { line: number; ticks: number }[]
}

/** A `.cpuprofile`: the tree of calls, and which node of it was running when. Times are in microseconds. */
export interface CpuProfile {
  nodes: CpuNode[]
  startTime: number
  endTime: number
  /** Identifiers of nodes. */
  samples?: number[]
  /** To the sample before; the first one to `startTime`. */
  timeDeltas?: number[]
}

export interface HeapNode {
  id: number
  callFrame: CallFrame
  /** Bytes that this function itself has allocated, scaled up from what was sampled. */
  selfSize: number
  children: HeapNode[]
}

/** A `.heapprofile`. */
export interface HeapProfile {
  head: HeapNode
  samples?: { size: number; nodeId: number }[]
}
