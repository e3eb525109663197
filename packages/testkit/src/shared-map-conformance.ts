import { describe } from 'vitest'
import { testBehavior } from './shared-map/behavior.ts'
import { testBounds } from './shared-map/bounds.ts'
import { testKeys } from './shared-map/keys.ts'
import { testModel } from './shared-map/model.ts'
import type { MapSubject } from './shared-map/subject.ts'
import { testThreads } from './shared-map/threads.ts'

/**
 * What every kind of shared map owes to its users: each sentence of the interface a test, random programs beside a plain Map,
 * keys that were chosen to be mistaken for others, and where threads share it, what they see of each other.
 *
 * @param name what is tested, for the report.
 * @param subject makes the maps.
 */
export function sharedMapConformance(name: string, subject: MapSubject): void {
  describe(`${name} map`, () => {
    testBehavior(subject)
    testKeys(subject)
    testBounds(subject)
    testModel(subject)
    if (subject.threads) testThreads(subject)
  })
}
