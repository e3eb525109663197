import type { MapShape } from '../handle.ts'
import { headAt, type Layout } from '../layout.ts'
import type { KeyForm, MapKind, ValueForm } from '../shared-map.ts'
import { type Code, i32, i64 } from '../wasm/code.ts'
import { type MakeLocal, Program, type Variable } from '../wasm/program.ts'

/** Everything that the code of one thread for one map is made of: sizes and addresses are constants in it. */
export interface MapCode {
  readonly program: Program
  readonly kind: MapKind
  readonly keys: KeyForm
  readonly values: ValueForm
  readonly shape: MapShape
  readonly layout: Layout
  readonly owner: number
  /** Where this thread's scratch begins. */
  readonly scratch: number
  /** The first words of the hash's secret. */
  readonly secret: BigUint64Array
  /** What the last call found out. */
  readonly status: Variable
  /** The shard (its number) whose lock this thread holds, plus 1; 0 where it holds none. */
  readonly held: Variable
  /** The hash of the key that `lock` was called with. */
  readonly heldHash: Variable
}

/** Whether readers count themselves in, and keep writers out. */
export const readersLock = (kind: MapKind): boolean => kind === 'locked' || kind === 'sharded'

export const constant = (value: number): Code => i32.const(value)

export function mapCode(given: Omit<MapCode, 'program' | 'status' | 'held' | 'heldHash'>): MapCode {
  const program = new Program()
  return {
    ...given,
    program,
    status: program.global('i32'),
    held: program.global('i32'),
    heldHash: program.global('i64'),
  }
}

export const locals = (local: MakeLocal, count: number): Variable[] => Array.from({ length: count }, () => local('i32'))

/** 1 where the entry is in the map. */
export const isLive = (head: Code): Code => i32.and(i32.wrapI64(i64.load(head, headAt.sequence)), constant(1))
