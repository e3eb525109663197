import {
  Function as PprofFunction,
  Label,
  Line,
  Location,
  Mapping,
  Profile,
  Sample,
  StringTable,
  ValueType,
} from 'pprof-format'
import { gzipSync } from 'node:zlib'
import type { ProfileKind } from './options.ts'
import { placeOf } from './places.ts'
import type { Stack } from './stacks.ts'
import type { CallFrame } from './v8-formats.ts'

/**
 * What a sample's two values are. V8 tells the bytes of sampled allocations, not how many objects they were: what stands
 * where other runtimes count objects is the number of samples.
 */
const valueTypes: Readonly<Record<ProfileKind, readonly [type: string, unit: string]>> = {
  cpu: ['cpu', 'nanoseconds'],
  allocations: ['alloc_space', 'bytes'],
  live: ['inuse_space', 'bytes'],
}

/** Facts of a profile that its stacks do not have. */
export interface PprofFacts {
  kind: ProfileKind
  /** Nanoseconds or bytes between two samples. */
  period: number
  seconds: number
  /** When it was taken, milliseconds since 1970. */
  wallMs: number
}

/**
 * Collects stacks into the format of pprof, gzipped `profile.proto`.
 *
 * Source: github.com/google/pprof, proto/profile.proto.
 */
export class Pprof {
  readonly #root: string
  readonly #facts: PprofFacts
  readonly #strings = new StringTable()
  readonly #samples: Sample[] = []
  readonly #functions = new Map<string, PprofFunction>()
  readonly #locations = new Map<string, Location>()

  constructor(root: string, facts: PprofFacts) {
    this.#root = root
    this.#facts = facts
  }

  /** @param thread becomes the label `thread`, which `-tagfocus` and `-tags` of pprof know. */
  add({ frames, line, samples, value }: Stack, thread: string): void {
    // Of callers V8 knows the function only, which stands where it begins.
    const locationId = frames.map((frame, depth) => this.#location(frame, depth === 0 ? line : 0))
    const label = [new Label({ key: this.#strings.dedup('thread'), str: this.#strings.dedup(thread) })]
    this.#samples.push(new Sample({ locationId, value: [samples, value], label }))
  }

  /** The bytes of a `.pb.gz` file. */
  encode(): Uint8Array {
    const strings = this.#strings
    const { kind, period, seconds, wallMs } = this.#facts
    const [type, unit] = valueTypes[kind]
    const valueType = { type: strings.dedup(type), unit: strings.dedup(unit) }
    const profile = new Profile({
      sampleType: [
        new ValueType({ type: strings.dedup('samples'), unit: strings.dedup('count') }),
        new ValueType(valueType),
      ],
      sample: this.#samples,
      mapping: [mapping(strings.dedup('node'))],
      location: [...this.#locations.values()],
      function: [...this.#functions.values()],
      stringTable: strings,
      timeNanos: BigInt(Math.round(wallMs)) * 1_000_000n,
      durationNanos: Math.round(seconds * 1e9),
      periodType: new ValueType(valueType),
      period,
      defaultSampleType: valueType.type,
    })
    return gzipSync(profile.encode())
  }

  #location(frame: CallFrame, line: number): number {
    const place = placeOf(frame, this.#root)
    const functionKey = `${place.name}\n${place.file}\n${place.line}`
    let pprofFunction = this.#functions.get(functionKey)
    if (pprofFunction === undefined) {
      const name = this.#strings.dedup(place.name)
      const filename = this.#strings.dedup(place.file)
      const id = this.#functions.size + 1
      pprofFunction = new PprofFunction({ id, name, systemName: name, filename, startLine: place.line })
      this.#functions.set(functionKey, pprofFunction)
    }
    const at = line > 0 ? line : place.line
    const key = `${pprofFunction.id}:${at}`
    let location = this.#locations.get(key)
    if (location === undefined) {
      const id = this.#locations.size + 1
      location = new Location({ id, mappingId: 1, line: [new Line({ functionId: pprofFunction.id, line: at })] })
      this.#locations.set(key, location)
    }
    return Number(location.id)
  }
}

/** Says that names and lines are in the file already: there is nothing to look up in a binary. */
function mapping(filename: number): Mapping {
  return new Mapping({ id: 1, filename, hasFunctions: true, hasFilenames: true, hasLineNumbers: true })
}
