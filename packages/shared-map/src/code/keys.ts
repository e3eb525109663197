import type { Code, ValueType } from '../wasm/code.ts'
import type { MakeLocal } from '../wasm/program.ts'
import { integerKeys } from './integer-keys.ts'
import type { MapCode } from './map-program.ts'
import { stringKeys } from './string-keys.ts'

/** How a key comes: as what `encode` made of it, or as the map's user has it. */
export interface Way {
  readonly param: ValueType
  /** From that to what the internal functions hand on. */
  take(given: Code): Code
  /** 1 where that was no use: a string that only JavaScript can encode. */
  isOther?(key: Code): Code
}

/** What differs with the form of the keys. */
export interface KeyCode extends Way {
  /** What the internal functions hand on. */
  readonly type: ValueType
  /** For keys as the map's user has them. */
  readonly direct: Way
  /** 64 bits, of the key that the caller brought; in place, with locals of the function that it becomes a part of. */
  hash(key: Code, local: MakeLocal): Code
  hashOfEntry(head: Code): Code
  /** 1 where the entry has this key. */
  matches(head: Code, key: Code): Code
  store(head: Code, key: Code): Code
}

export const keyCode = (code: MapCode): KeyCode => (code.keys === 'string' ? stringKeys(code) : integerKeys(code))
