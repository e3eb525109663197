import { checkInteger } from '@qps/core'
import { runInThisContext } from 'node:vm'

/** An object that has as many fields as its class says, all of them numbers that follow each other. */
export interface FilledRecord {
  /** Writes every field. */
  fill(seed: number): void
  /** The last field. */
  last(): number
}

export type RecordClass = new (seed: number) => FilledRecord

/**
 * A class of so many fields, compiled from a text that has each of them written out, as a person would write it: fields that are
 * assigned in a loop would make an object of another kind.
 *
 * @param fields 1 to 256.
 */
export function recordClass(fields: number): RecordClass {
  checkInteger('fields', fields, { min: 1, max: 256 })
  const assignments = Array.from({ length: fields }, (_, index) => `this.field${index} = seed + ${index}`).join('\n')
  return runInThisContext(`(class {
    constructor(seed) {
      ${assignments}
    }
    fill(seed) {
      ${assignments}
    }
    last() {
      return this.field${fields - 1}
    }
  })`) as RecordClass
}
