import { type FrameKind, type Place, placeOf } from './places.ts'
import type { Stack } from './stacks.ts'
import type { CallFrame } from './v8-formats.ts'

/** What one function has cost by itself. */
export interface FunctionCost {
  name: string
  /** Relative to the project, or `node:…`; empty where there is no source. */
  file: string
  /** Where the function begins, from 1; 0 where there is no source. */
  line: number
  /** The line of it that cost most; 0 where V8 does not tell lines. */
  hotLine: number
  kind: FrameKind
  /** Nanoseconds, or bytes. */
  self: number
  /** Of all that was profiled, 0..1. */
  share: number
  samples: number
}

interface Sum {
  place: Place
  self: number
  samples: number
  lines: Map<number, number>
}

/** Adds stacks up by the function that ran. */
export class Costs {
  readonly #root: string
  readonly #sums = new Map<string, Sum>()
  total = 0

  constructor(root: string) {
    this.#root = root
  }

  add({ frames, line, samples, value }: Stack): void {
    const sum = this.#sumOf(frames[0] ?? rootFrame)
    sum.self += value
    sum.samples += samples
    if (line > 0) sum.lines.set(line, (sum.lines.get(line) ?? 0) + value)
    this.total += value
  }

  /** The dearest first. @param max more are left out. */
  top(max: number): FunctionCost[] {
    const sums = [...this.#sums.values()].toSorted((a, b) => b.self - a.self).slice(0, max)
    return sums.map(({ place, self, samples, lines }) => {
      const hottest = [...lines].reduce((best, next) => (next[1] > best[1] ? next : best), [0, -1] as const)
      return { ...place, hotLine: hottest[0], self, share: this.total === 0 ? 0 : self / this.total, samples }
    })
  }

  #sumOf(frame: CallFrame): Sum {
    const key = `${frame.functionName}\n${frame.url}\n${frame.lineNumber}:${frame.columnNumber}`
    let sum = this.#sums.get(key)
    if (sum === undefined) {
      sum = { place: placeOf(frame, this.#root), self: 0, samples: 0, lines: new Map() }
      this.#sums.set(key, sum)
    }
    return sum
  }
}

/** Of a stack without frames. */
const rootFrame: CallFrame = { functionName: '(root)', url: '', lineNumber: -1, columnNumber: -1 }
