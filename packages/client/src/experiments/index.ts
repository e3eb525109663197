export { type IdleServer, type IdleServerOptions, startIdleServer } from './idle-server.ts'
export { layLine, type Line } from './line.ts'
export { resetRace, type ResetRaceOptions, type ResetRaceResult } from './reset-race.ts'
export { type CyclesOptions, type CyclesResult, type CyclesSubject, runCycles } from './cycles.ts'
export { type HitRatioOptions, type HitRatioResult, measureHitRatio } from './hit-ratio.ts'
export {
  type ChurnFigures,
  type Contrast,
  idleMaxTooSmall,
  idleTimeTooLong,
  idleTimeTooShort,
  type LeakFigures,
  poolTooLarge,
  type StaleFigures,
} from './pool-limits.ts'
export { countTimeWait, type TimeWait } from './sockets.ts'
export { compareDispatchers, type CompareOptions, type CompareResult, type CompareRun } from './compare-dispatchers.ts'
