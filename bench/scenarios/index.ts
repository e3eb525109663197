import type { Scenario } from '../src/scenario.ts'
import { minimalServer } from './01-minimal-server.scenario.ts'

/** Every scenario, in the order of the chapters. */
export const scenarios: readonly Scenario[] = [minimalServer]
